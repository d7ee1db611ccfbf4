"""eltwise-fix: sum or product of tensors of the same shape."""

from __future__ import annotations

import numpy as np

from host.dpu.ops.call import Call
from host.dpu.ops.requantize import activate, check_shift, to_codes, wide_enough
from target.errors import ModelError
from target.vision.fixed_point import INT8_MIN


def eltwise_fix(call: Call) -> np.ndarray:
    """Add or multiply int8 codes at their own fix points, round once.

    Args:
        call: `input`: two or more int8 (n, ...) of one shape; attribute `type` ADD or MUL.

    Returns:
        int8, the same shape.

    Raises:
        ModelError: If shapes differ, the type is another one, or fix points are so far apart that
            a sum does not fit 53 bits.
    """
    inputs, tensors = call.values.get("input", []), call.tensors.get("input", [])
    if len({value.shape for value in inputs}) != 1:
        raise ModelError(
            f"inputs of op '{call.op.name}' must have one shape, got {[v.shape for v in inputs]}"
        )
    fix_out = call.op.tensor.fix_point
    kind = str(call.attr("type"))
    if kind == "ADD":
        fixes = [tensor.fix_point for tensor in tensors]
        shifts = [check_shift(fix_out - fix, "shift", call.op.name) for fix in fixes]
        largest = sum(-INT8_MIN * 2.0**shift for shift in shifts)
        wide_enough(largest, 1 - min(shifts), call.op.name)
        y = np.zeros(inputs[0].shape)
        for value, shift in zip(inputs, shifts):
            y += np.ldexp(value.astype(np.float64), shift)
    elif kind == "MUL":
        fix_in = sum(tensor.fix_point for tensor in tensors)
        shift = check_shift(fix_out - fix_in, "shift", call.op.name)
        y = np.ldexp(np.prod([value.astype(np.float64) for value in inputs], axis=0), shift)
    else:
        raise ModelError(f"type of op '{call.op.name}' must be ADD or MUL, got '{kind}'")
    nonlinear = str(call.attr("nonlinear", "NONE"))
    return call.shaped(to_codes(activate(y, nonlinear, fix_out, call.op.name)))
