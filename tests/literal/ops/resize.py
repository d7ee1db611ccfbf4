"""upsample-fix and downsample-fix: one rule for both.

Source: AMD's cpu_task (upsample-fix), with exact fractions in place of its floats.
"""

from __future__ import annotations

import math
from fractions import Fraction

from tests.literal.ops.move import rescaled
from tests.literal.ops.rounding import power_of_2, to_code
from tests.literal.ops.tensor import Args, Node, Tensor, check, dims_of, fix_point_of, pick


def resize_fix(op: Node, args: Args) -> list[int]:
    """Take the nearest pixel of the input (n, h, w, c), or mix the four around the place."""
    x, mode = args["input"][0], op["attrs"]["mode"]
    n, h, w, c = x.dims
    _, out_h, out_w, _ = dims_of(op)
    check(op, "batch and channels", (n, c), (dims_of(op)[0], dims_of(op)[3]))
    if mode == "NEAREST":
        rows = [_nearest(op, o, h, out_h) for o in range(out_h)]
        columns = [_nearest(op, o, w, out_w) for o in range(out_w)]
        return rescaled(op, pick(x, [range(n), rows, columns, range(c)]), x.fix_point)
    if mode != "BILINEAR":
        rule = "mode must be NEAREST or BILINEAR"
        raise NotImplementedError(f"{op['name']}: {rule}, got {mode}")
    scale = power_of_2(fix_point_of(op) - x.fix_point)
    result = []
    for image in range(n):
        for oy in range(out_h):
            for ox in range(out_w):
                for k in range(c):
                    result.append(to_code(_mixed(op, x, (image, oy, ox, k)) * scale))
    return result


def _position(op: Node, o: int, size: int, out: int) -> Fraction:
    """Return where output pixel o of `out` lies on an input axis of `size` pixels."""
    scale = Fraction(size, out)
    if op["attrs"].get("align_corners", False) and out > 1:
        scale = Fraction(size - 1, out - 1)
    if op["attrs"].get("half_pixel_centers", False):
        return (o + Fraction(1, 2)) * scale - Fraction(1, 2)
    return o * scale


def _nearest(op: Node, o: int, size: int, out: int) -> int:
    """Return the input pixel of output pixel o: rounded half away from 0, or down."""
    position = _position(op, o, size, out)
    index = math.floor(position)
    if op["attrs"].get("align_corners", False):
        index = math.floor(abs(position) + Fraction(1, 2)) * (-1 if position < 0 else 1)
    return max(0, min(index, size - 1))


def _between(op: Node, o: int, size: int, out: int) -> tuple[int, int, Fraction]:
    """Return the pixels before and behind, and how far the place is behind the former.

    Beyond the last pixel (align_corners and half_pixel_centers together) both are the last one.
    """
    position = _position(op, o, size, out)
    lower = min(max(math.floor(position), 0), size - 1)
    upper = max(min(math.ceil(position), size - 1), 0)
    return lower, upper, position - lower


def _mixed(op: Node, x: Tensor, place: tuple[int, int, int, int]) -> Fraction:
    """Return the exact value at one place (n, h, w, c) of the output, in codes of the input."""
    image, oy, ox, k = place
    _, h, w, _ = x.dims
    top, bottom, far_y = _between(op, oy, h, dims_of(op)[1])
    left, right, far_x = _between(op, ox, w, dims_of(op)[2])
    a, b, c, d = pick(x, [[image], [top, bottom], [left, right], [k]])
    upper_row = a + (b - a) * far_x
    lower_row = c + (d - c) * far_x
    return upper_row + (lower_row - upper_row) * far_y
