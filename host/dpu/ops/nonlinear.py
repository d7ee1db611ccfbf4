"""The nonlinearities that convolutions, sums and pools apply on their way out, and the rounding.

NONE, RELU, RELU6, LEAKYRELU and PRELU work on the exact sum, which is rounded once behind them.
HSIGMOID and HSWISH round the sum first, to codes at the fix point `hsigmoid_in`, then work on codes.
Source: AMD's functional models of the DPU; the slope of LEAKYRELU also vai_q_tensorflow2.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from host.dpu.ops.call import Call
from host.dpu.ops.hard_sigmoid_fix import FACTOR
from host.dpu.ops.requantize import MAX_SHIFT, check_shift, to_codes
from target.errors import ModelError

LEAKY_SLOPE = 26 / 256  # what the DPU uses for LeakyReLU 0.1
KINDS = ("NONE", "RELU", "RELU6", "LEAKYRELU", "PRELU", "HSIGMOID", "HSWISH")
_TWO_STEPS = ("HSIGMOID", "HSWISH")


@dataclasses.dataclass(frozen=True)
class Nonlinear:
    """A nonlinearity with its constants.

    Attributes:
        kind: One of KINDS.
        sum_fix: Fix point in whose units the sum comes.
        slope_count: The slope below zero is slope_count / 2**slope_bits.
        slope_bits: See above.
        shifts: shift_hsigmoid and shift_hswish.
    """

    kind: str
    sum_fix: int
    slope_count: int = 1
    slope_bits: int = 0
    shifts: tuple[int, int] = (0, 0)

    def apply(self, y: np.ndarray) -> np.ndarray:
        """Return the codes of sums.

        Args:
            y: float, any shape, in units of 2**-sum_fix; overwritten.

        Returns:
            int8, same shape.
        """
        if self.kind in _TWO_STEPS:
            return self._two_steps(to_codes(y).astype(np.float64))
        if self.kind == "RELU":
            np.maximum(y, 0, out=y)
        elif self.kind == "RELU6":
            np.clip(y, 0, 6.0 * 2.0 ** min(self.sum_fix, MAX_SHIFT), out=y)  # beyond int8 anyway
        elif self.slope_count != 1 or self.slope_bits:
            np.multiply(y, self.slope_count / 2.0**self.slope_bits, out=y, where=y < 0)
        return to_codes(y)

    def _two_steps(self, x: np.ndarray) -> np.ndarray:
        line = np.maximum(FACTOR * (x + 3 * 2.0**self.sum_fix), 0)
        gate = to_codes(np.ldexp(line, -self.shifts[0]))
        if self.kind == "HSIGMOID":
            return gate
        return to_codes(np.ldexp(x * gate, -self.shifts[1]))


def nonlinear_of(call: Call) -> Nonlinear:
    """Read the nonlinearity of an op.

    Raises:
        ModelError: If it is not one of KINDS, or lacks a constant.
    """
    kind = str(call.attr("nonlinear", "NONE")) or "NONE"
    fix_point = call.op.tensor.fix_point
    if kind not in KINDS:
        raise ModelError(
            f"nonlinear of op '{call.op.name}' must be one of {list(KINDS)}, got '{kind}'"
        )
    if kind == "LEAKYRELU":
        return Nonlinear(kind, fix_point, 26, 8)
    if kind == "PRELU":
        count, bits = call.integer("prelu_in"), call.integer("prelu_shift")
        if not -128 <= count <= 255:
            raise ModelError(f"prelu_in of op '{call.op.name}' must fit 8 bits, got {count}")
        return Nonlinear(kind, fix_point, count, check_shift(bits, "prelu_shift", call.op.name))
    if kind in _TWO_STEPS:
        names = ("hsigmoid_in", "shift_hsigmoid", "shift_hswish")[: 2 + (kind == "HSWISH")]
        numbers = [check_shift(call.integer(name), name, call.op.name) for name in names]
        return Nonlinear(kind, numbers[0], shifts=(numbers[1], numbers[-1]))
    return Nonlinear(kind, fix_point)
