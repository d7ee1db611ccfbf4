"""From exact results to codes: nonlinearity, rounding, saturation.

Source: the DPU's integer arithmetic as documented for AMD's cpu_task; where cpu_task is known to
depart from that definition (LEAKYRELU, RELU6, PRELU), the definition is kept.
"""

from __future__ import annotations

import math
from fractions import Fraction

from tests.literal.ops.tensor import Node, fix_point_of


def half_up(numerator: int, shift: int) -> int:
    """Return numerator / 2**shift rounded to the nearest int, ties towards plus infinity."""
    if shift <= 0:
        return numerator << -shift
    return (numerator + (1 << (shift - 1))) >> shift


def saturate(value: int) -> int:
    """Limit to int8."""
    return max(-128, min(127, value))


def to_code(value: Fraction) -> int:
    """Round to the nearest int, ties towards plus infinity, and saturate."""
    return saturate(math.floor(value + Fraction(1, 2)))


def power_of_2(exponent: int) -> Fraction:
    """Return 2**exponent, exactly, also for a negative exponent."""
    return Fraction(2) ** exponent


def finish(numerator: int, shift: int, nonlinear: str = "NONE", fix_point: int = 0) -> int:
    """Turn an exact sum into a code: nonlinearity, then one rounding, then saturation.

    Args:
        numerator: y * 2**shift, where y is the result in units of the output code.
        shift: May be negative.
        nonlinear: NONE, RELU, RELU6 or LEAKYRELU.
        fix_point: That of the output; RELU6 limits at the real value 6, code 6 * 2**fix_point.

    Raises:
        NotImplementedError: If `nonlinear` is another one.
    """
    if nonlinear == "RELU":
        numerator = max(numerator, 0)
    elif nonlinear == "RELU6":
        cap_shift = fix_point + shift  # y <= 6 * 2**fix_point is numerator <= 6 * 2**cap_shift
        if cap_shift < 0:  # more bits behind the point, so that the cap is an int too
            numerator, shift, cap_shift = numerator << -cap_shift, shift - cap_shift, 0
        numerator = min(max(numerator, 0), 6 << cap_shift)
    elif nonlinear == "LEAKYRELU":
        if numerator < 0:
            numerator, shift = numerator * 26, shift + 8  # slope 26/256
    elif nonlinear not in ("NONE", ""):
        rule = "nonlinear must be NONE, RELU, RELU6 or LEAKYRELU"
        raise NotImplementedError(f"{rule}, got {nonlinear}")
    return saturate(half_up(numerator, shift))


def finish_convolution(op: Node, numerator: int, shift: int) -> int:
    """Turn an exact sum of a convolution into a code; they have more nonlinearities than `finish`.

    PRELU has one slope for the whole op, prelu_in / 2**prelu_shift. HSIGMOID and HSWISH round the
    sum to a code at the fix point hsigmoid_in first, and then once more for each of their steps.

    Args:
        op: Its attributes say which nonlinearity, and with which constants.
        numerator: y * 2**shift, where y is the result in units of the output code.
        shift: May be negative.
    """
    attrs, fix_point = op["attrs"], fix_point_of(op)
    nonlinear = attrs.get("nonlinear", "NONE")
    if nonlinear == "PRELU":
        if numerator < 0:
            numerator, shift = numerator * attrs["prelu_in"], shift + attrs["prelu_shift"]
        return finish(numerator, shift)
    if nonlinear in ("HSIGMOID", "HSWISH"):
        x = finish(numerator, shift + fix_point - attrs["hsigmoid_in"])
        gate = hard_sigmoid(x, attrs["hsigmoid_in"], attrs["shift_hsigmoid"])
        if nonlinear == "HSIGMOID":
            return gate
        return finish(x * gate, attrs["shift_hswish"])
    return finish(numerator, shift, nonlinear, fix_point)


def hard_sigmoid(x: int, hsigmoid_in: int, shift_hsigmoid: int) -> int:
    """Return the code of max(0, x + 3) * 2731 for a code x at the fix point hsigmoid_in.

    The unit of the result is 2**(shift_hsigmoid - hsigmoid_in); nothing but int8 limits it above.
    """
    line = max(Fraction(0), x * 2731 + 3 * 2731 * power_of_2(hsigmoid_in))
    return to_code(line / power_of_2(shift_hsigmoid))
