"""pool-fix. Source: AMD's cpu_task, except that a MAX of negative codes stays negative."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from fractions import Fraction

from tests.literal.ops.rounding import finish
from tests.literal.ops.tensor import Args, Node, check, dims_of, fix_point_of
from tests.literal.ops.windows import taps


def pool_fix(op: Node, args: Args) -> list[int]:
    """Take the maximum or the mean of each window of the input (1, h, w, c).

    Padding is no candidate for MAX; for AVG it counts as zeros: the factor is the whole kernel's.
    """
    x = args["input"][0]
    batch, _, width, c = x.dims
    _, out_h, out_w, out_c = dims_of(op)
    check(op, "batch", 1, batch)
    check(op, "channels", c, out_c)
    check(op, "nonlinear", "NONE", op["attrs"].get("nonlinear", "NONE"))
    kw, kh = op["attrs"]["kernel"]
    kind = op["attrs"]["type"]
    reduce: Callable[[Iterable[int]], int]
    if kind == "MAX":
        reduce, factor, shift = max, 1, 0
    elif kind == "AVG":
        reduce, (factor, shift) = sum, average_factor(kw, kh)
    else:
        raise NotImplementedError(f"{op['name']}: pool type must be MAX or AVG, got {kind}")
    shift += x.fix_point - fix_point_of(op)
    result = []
    for oy in range(out_h):
        rows = taps(op, x, "h", oy)
        for ox in range(out_w):
            columns = taps(op, x, "w", ox)
            starts = [(iy * width + ix) * c for _, iy in rows for _, ix in columns]
            for k in range(c):
                pooled = reduce([x.values[start + k] for start in starts])
                result.append(finish(pooled * factor, shift))
    return result


def average_factor(kw: int, kh: int) -> tuple[int, int]:
    """Return (N, M): the DPU multiplies a window's sum by N / 2**M instead of 1 / (kw * kh)."""
    table = {3: (7, 6), 5: (10, 8), 6: (7, 8), 7: (21, 10), 14: (21, 12)}
    if kw == kh and kw in table:
        return table[kw]
    area = kw * kh
    best, best_error = (0, 0), Fraction(1)
    for m in range((area * 128 - 1).bit_length()):  # that is m < ceil(log2(area * 128))
        n = math.floor(Fraction(2**m, area) + Fraction(1, 2))
        error = abs(Fraction(n, 2**m) - Fraction(1, area))
        if error < best_error:
            best, best_error = (n, m), error
    return best
