"""What conv2d-fix and depthwise-conv2d-fix share: shifts, the width of the sums, bias and output."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from host.dpu.ops.call import Call
from host.dpu.ops.requantize import activate, check_shift, to_codes, wide_enough
from target.errors import ModelError
from target.vision.fixed_point import INT8_MIN


@dataclasses.dataclass(frozen=True)
class Plan:
    """The constants of a convolution, made once.

    Attributes:
        weights: Weights as float, times 2**-shift_cut: products are in units of the output code.
        bias: float (oc,), in units of the output code.
        dtype: float32 or float64, whichever keeps every sum exact.
    """

    weights: np.ndarray
    bias: np.ndarray
    dtype: Any


def plan(call: Call, layout: np.ndarray) -> Plan:
    """Work out shifts and the float type.

    Args:
        call: The convolution.
        layout: Its weight codes, int8, as (taps * channels, oc) or, depthwise, (taps, channels).

    Raises:
        ModelError: If shapes disagree or a shift is absurd.
    """
    name = call.op.name
    fix_out = call.op.tensor.fix_point
    fix_product = call.tensor().fix_point + call.tensor("weights").fix_point
    cut = check_shift(fix_product - fix_out, "shift_cut", name)
    bias, finest = np.zeros(layout.shape[-1]), max(cut, 0)
    if call.has("bias"):
        bias_shift = check_shift(call.tensor("bias").fix_point - fix_out, "bias shift", name)
        codes = call.value("bias").reshape(-1)
        if codes.shape != bias.shape:
            raise ModelError(f"bias of op '{name}' must have {bias.size} values, got {codes.size}")
        bias = np.ldexp(codes.astype(np.float64), -bias_shift)
        finest = max(finest, bias_shift)
    weights = np.ldexp(layout.astype(np.float64), -cut)
    largest = float((np.abs(weights).sum(axis=0) * -INT8_MIN + np.abs(bias)).max(initial=0.0))
    if call.attr("nonlinear", "NONE") == "LEAKYRELU":
        finest += 8
        largest *= 26
    dtype = wide_enough(largest, finest + 1, name)  # one bit more: rounding adds a half
    return Plan(np.ascontiguousarray(weights, dtype=dtype), bias.astype(dtype), dtype)


def finish(call: Call, sums: np.ndarray, planned: Plan) -> np.ndarray:
    """Add the bias, apply the nonlinearity, round once, saturate.

    Args:
        call: The convolution.
        sums: float (..., oc), in units of the output code; overwritten.
        planned: Its constants.

    Returns:
        int8, same shape.
    """
    sums += planned.bias
    activate(sums, str(call.attr("nonlinear", "NONE")), call.op.tensor.fix_point, call.op.name)
    return to_codes(sums)
