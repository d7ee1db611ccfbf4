"""eltwise-fix: sum or product of tensors of the same shape."""

from __future__ import annotations

import numpy as np

from host.dpu.ops.call import Call
from host.dpu.ops.requantize import activate, check_shift, to_codes
from target.errors import ModelError


def eltwise_fix(call: Call) -> np.ndarray:
    """Add or multiply int8 codes at their own fix points, round once.

    Args:
        call: `input`: two or more int8 (n, ...) of one shape; attribute `type` ADD or MUL.

    Returns:
        int8, the same shape.

    Raises:
        ModelError: If shapes differ or the type is another one.
    """
    inputs, tensors = call.values["input"], call.tensors["input"]
    if len({value.shape for value in inputs}) != 1:
        raise ModelError(
            f"inputs of op '{call.op.name}' must have one shape, got {[v.shape for v in inputs]}"
        )
    fix_out = call.op.tensor.fix_point
    kind = str(call.attr("type"))
    if kind == "ADD":
        y = np.zeros(inputs[0].shape)
        for value, tensor in zip(inputs, tensors):
            shift = check_shift(fix_out - tensor.fix_point, "shift", call.op.name)
            y += np.ldexp(value.astype(np.float64), shift)
    elif kind == "MUL":
        fix_in = sum(tensor.fix_point for tensor in tensors)
        shift = check_shift(fix_out - fix_in, "shift", call.op.name)
        y = np.ldexp(np.prod([value.astype(np.float64) for value in inputs], axis=0), shift)
    else:
        raise ModelError(f"type of op '{call.op.name}' must be ADD or MUL, got '{kind}'")
    nonlinear = str(call.attr("nonlinear", "NONE"))
    return call.shaped(to_codes(activate(y, nonlinear, fix_out, call.op.name)))
