"""What the convolutions on codes share: shifts, the width of the sums, bias and output."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from host.dpu.ops.call import Call
from host.dpu.ops.nonlinear import Nonlinear, nonlinear_of
from host.dpu.ops.requantize import check_shift, wide_enough
from target.errors import ModelError
from target.vision.fixed_point import INT8_MIN


@dataclasses.dataclass(frozen=True)
class Plan:
    """The constants of a convolution, made once.

    Attributes:
        weights: Weights as float, times 2**-shift_cut: products are in units of the output code (of
            the nonlinearity's input, if that is rounded first).
        bias: float (oc,), in the same units.
        dtype: float32 or float64, whichever keeps every sum exact.
        nonlinear: What is applied to the sums.
    """

    weights: np.ndarray
    bias: np.ndarray
    dtype: Any
    nonlinear: Nonlinear


def plan(call: Call, layout: np.ndarray) -> Plan:
    """Work out shifts and the float type.

    Args:
        call: The convolution.
        layout: Its weight codes, int8, as (taps * channels, oc) or, depthwise, (taps, channels).

    Raises:
        ModelError: If shapes disagree or a shift is absurd.
    """
    name = call.op.name
    nonlinear = nonlinear_of(call)
    fix_out = nonlinear.sum_fix
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
    finest += max(nonlinear.slope_bits, 0)
    largest *= max(abs(nonlinear.slope_count) * 2.0**-nonlinear.slope_bits, 1)
    dtype = wide_enough(largest, finest + 1, name)  # one bit more: rounding adds a half
    return Plan(np.ascontiguousarray(weights, dtype=dtype), bias.astype(dtype), dtype, nonlinear)


def finish(sums: np.ndarray, planned: Plan) -> np.ndarray:
    """Add the bias, apply the nonlinearity, round, saturate.

    Args:
        sums: float (..., oc), in the units of the plan; overwritten.
        planned: Constants of the convolution.

    Returns:
        int8, same shape.
    """
    sums += planned.bias
    return planned.nonlinear.apply(sums)
