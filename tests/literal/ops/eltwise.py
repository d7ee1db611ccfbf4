"""Operations on each element: eltwise-fix and hard-sigmoid-fix.

Source: AMD's cpu_task, except for its RELU6, LEAKYRELU and MUL; vai_q_tensorflow2 for hard-sigmoid.
"""

from __future__ import annotations

import math
import operator
from fractions import Fraction

from tests.literal.ops.rounding import finish, power_of_2, to_code
from tests.literal.ops.tensor import Args, Node, Tensor, check, dims_of, fix_point_of, pick


def eltwise_fix(op: Node, args: Args) -> list[int]:
    """Add or multiply all inputs element by element; a dimension of 1 is stretched."""
    inputs = args["input"]
    kind = op["attrs"]["type"]
    nonlinear, fix_point = op["attrs"].get("nonlinear", "NONE"), fix_point_of(op)
    elements = zip(*(_stretched(x, dims_of(op)) for x in inputs), strict=True)
    if kind == "ADD":
        finest = max(x.fix_point for x in inputs)
        lefts = [finest - x.fix_point for x in inputs]
        sums = [sum(map(operator.lshift, codes, lefts)) for codes in elements]
        return [finish(total, finest - fix_point, nonlinear, fix_point) for total in sums]
    if kind == "MUL":
        shift = sum(x.fix_point for x in inputs) - fix_point
        return [finish(math.prod(codes), shift, nonlinear, fix_point) for codes in elements]
    raise NotImplementedError(f"{op['name']}: eltwise type must be ADD or MUL, got {kind}")


def hard_sigmoid_fix(op: Node, args: Args) -> list[int]:
    """Take clip(x + 3, 0, 6) * 2731 / 2**14, on real values; 2731 / 2**14 is about 1/6.

    Files repeat the fix points as hsigmoid_in and shift_hsigmoid = 14 + hsigmoid_in - output's.
    cpu_task reads those and has no limit at 6; that makes a difference only for an output fix
    point below 7, which the quantizer never chooses.
    """
    x, fix_point = args["input"][0], fix_point_of(op)
    shift = 14 + x.fix_point - fix_point
    check(op, "dims", x.dims, dims_of(op))
    check(op, "hsigmoid_in", x.fix_point, op["attrs"].get("hsigmoid_in", x.fix_point))
    check(op, "shift_hsigmoid", shift, op["attrs"].get("shift_hsigmoid", shift))
    result = []
    for code in x.values:
        line = min(max(code * power_of_2(-x.fix_point) + 3, Fraction(0)), Fraction(6))
        result.append(to_code(line * Fraction(2731, 2**14) * power_of_2(fix_point)))
    return result


def _stretched(x: Tensor, dims: tuple[int, ...]) -> list[int]:
    """Return the values of x as if its dimensions of 1 were those of `dims`."""
    if x.dims == dims:
        return x.values
    own = (1,) * (len(dims) - len(x.dims)) + x.dims
    if len(own) > len(dims) or any(a not in (1, b) for a, b in zip(own, dims, strict=True)):
        raise ValueError(f"input dims must stretch to {dims}, got {x.dims}")
    places = [range(b) if a == b else [0] * b for a, b in zip(own, dims, strict=True)]
    return pick(Tensor(own, x.values, x.fix_point), places)
