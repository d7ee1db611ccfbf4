"""eltwise-fix: sum or product of tensors, which may broadcast."""

from __future__ import annotations

import functools

import numpy as np

from host.dpu.ops.arithmetic import check_broadcast
from host.dpu.ops.call import Call
from host.dpu.ops.nonlinear import Nonlinear, nonlinear_of
from host.dpu.ops.requantize import check_shift, wide_enough
from target.errors import ModelError
from target.vision.fixed_point import INT8_MIN


def eltwise_fix(call: Call) -> np.ndarray:
    """Add or multiply int8 codes at their own fix points, round once.

    Args:
        call: `input`: two or more int8 (n, ...) that broadcast; attribute `type` ADD or MUL.

    Returns:
        int8, the op's shape.

    Raises:
        ModelError: If shapes do not fit, the type is another one, or fix points are so far apart
            that a sum does not fit 53 bits.
    """
    check_broadcast(call, call.values.get("input", []))
    kind, nonlinear = str(call.attr("type", "ADD")), nonlinear_of(call)
    if kind not in ("ADD", "MUL"):
        raise ModelError(f"type of op '{call.op.name}' must be ADD or MUL, got '{kind}'")
    y = _sum(call, nonlinear) if kind == "ADD" else _product(call, nonlinear)
    return call.shaped(nonlinear.apply(y))


def _sum(call: Call, nonlinear: Nonlinear) -> np.ndarray:
    values, name = call.values["input"], call.op.name
    shifts = [
        check_shift(nonlinear.sum_fix - tensor.fix_point, "shift", name)
        for tensor in call.tensors["input"]
    ]
    wide_enough(sum(-INT8_MIN * 2.0**shift for shift in shifts), 1 - min(shifts), name)
    parts = [np.ldexp(value.astype(np.float64), shift) for value, shift in zip(values, shifts)]
    return np.asarray(functools.reduce(np.add, parts))


def _product(call: Call, nonlinear: Nonlinear) -> np.ndarray:
    values, name = call.values["input"], call.op.name
    fix_in = sum(tensor.fix_point for tensor in call.tensors["input"])
    shift = check_shift(nonlinear.sum_fix - fix_in, "shift", name)
    wide_enough(float(-INT8_MIN) ** len(values), 0, name)
    product = functools.reduce(np.multiply, [value.astype(np.float64) for value in values])
    return np.asarray(np.ldexp(product, shift))
