"""The DPU's operations by definition, one output code at a time, with Python ints.

Part of the second opinion on the emulator: must not import host, target or numpy, nor be clever.
Source: the DPU's integer arithmetic as documented for AMD's cpu_task; where cpu_task is known to
depart from that definition (MAX pool of negatives, LEAKYRELU, RELU6, MUL), the definition is kept.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

Node = dict[str, Any]  # an op or a subgraph as wire.read_graph returns it


@dataclass(frozen=True)
class Tensor:
    """Codes of one feature map or constant; the real value of a code is code / 2**fix_point."""

    dims: tuple[int, ...]
    values: list[int]
    fix_point: int


Args = dict[str, list[Tensor]]  # argument name -> tensors, as `args` of an op names their producers


def half_up(numerator: int, shift: int) -> int:
    """Return numerator / 2**shift rounded to the nearest int, ties towards plus infinity."""
    if shift <= 0:
        return numerator << -shift
    return (numerator + (1 << (shift - 1))) >> shift


def saturate(value: int) -> int:
    """Limit to int8."""
    return max(-128, min(127, value))


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


def conv2d_fix(op: Node, args: Args) -> list[int]:
    """Convolve: input (1, h, w, ic), weights (oc, kh, kw, ic), bias (oc,) or none."""
    x, weights = args["input"][0], args["weights"][0]
    oc, kh, kw, ic = weights.dims
    _, _, width, channels = x.dims
    _, out_h, out_w, out_c = dims_of(op)
    check(op, "kernel", [kw, kh], op["attrs"]["kernel"])
    check(op, "channels", (ic, oc), (channels, out_c))
    check(op, "group", 1, op["attrs"].get("group", 1))
    bias, fraction, shift = _bias_and_shift(op, args)
    nonlinear, fix_point = op["attrs"].get("nonlinear", "NONE"), fix_point_of(op)
    filters: dict[tuple[int, ...], list[list[int]]] = {}  # which taps are inside -> per channel
    result = []
    for oy in range(out_h):
        rows = _taps(op, x, "h", oy)
        for ox in range(out_w):
            columns = _taps(op, x, "w", ox)
            patch: list[int] = []  # the input under the taps; padding would add nothing
            for _, iy in rows:
                for _, ix in columns:
                    at = (iy * width + ix) * ic
                    patch += x.values[at : at + ic]
            taps = tuple(ky * kw + kx for ky, _ in rows for kx, _ in columns)
            if taps not in filters:
                filters[taps] = [_filter(weights, o, taps) for o in range(oc)]
            for o in range(oc):
                acc = sum(map(operator.mul, patch, filters[taps][o]))
                result.append(finish((acc << fraction) + bias[o], shift, nonlinear, fix_point))
    return result


def depthwise_conv2d_fix(op: Node, args: Args) -> list[int]:
    """Convolve each channel by itself: input (1, h, w, c), weights (1, kh, kw, c), bias (c,)."""
    x, weights = args["input"][0], args["weights"][0]
    multiplier, kh, kw, c = weights.dims
    _, _, width, channels = x.dims
    _, out_h, out_w, out_c = dims_of(op)
    if multiplier != 1:
        raise NotImplementedError(f"{op['name']}: channel multiplier must be 1, got {multiplier}")
    check(op, "kernel", [kw, kh], op["attrs"]["kernel"])
    check(op, "channels", (c, c), (channels, out_c))
    bias, fraction, shift = _bias_and_shift(op, args)
    nonlinear, fix_point = op["attrs"].get("nonlinear", "NONE"), fix_point_of(op)
    result = []
    for oy in range(out_h):
        rows = _taps(op, x, "h", oy)
        for ox in range(out_w):
            columns = _taps(op, x, "w", ox)
            acc = [0] * c
            for ky, iy in rows:
                for kx, ix in columns:
                    at, tap = (iy * width + ix) * c, (ky * kw + kx) * c
                    for k in range(c):
                        acc[k] += x.values[at + k] * weights.values[tap + k]
            for k in range(c):
                result.append(finish((acc[k] << fraction) + bias[k], shift, nonlinear, fix_point))
    return result


def pool_fix(op: Node, args: Args) -> list[int]:
    """Take the maximum or the mean of each window of the input (1, h, w, c).

    Padding is no candidate for MAX; for AVG it counts as zeros: the factor is the whole kernel's.
    """
    x = args["input"][0]
    _, _, width, c = x.dims
    _, out_h, out_w, out_c = dims_of(op)
    check(op, "channels", c, out_c)
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
        rows = _taps(op, x, "h", oy)
        for ox in range(out_w):
            columns = _taps(op, x, "w", ox)
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


def concat_fix(op: Node, args: Args) -> list[int]:
    """Join the inputs along `axis`, each code brought to the output's fix point.

    Assumed: the rounding where the fix points differ; the tools make them equal. A run of such
    an op on the board would settle it.
    """
    dims = dims_of(op)
    axis = op["attrs"]["axis"] % len(dims)
    for x in args["input"]:
        others = x.dims[:axis] + x.dims[axis + 1 :]
        check(op, "dims off the axis", dims[:axis] + dims[axis + 1 :], others)
    result = []
    for outer in range(math.prod(dims[:axis])):
        for x in args["input"]:
            run_length = math.prod(x.dims[axis:])
            codes = x.values[outer * run_length : (outer + 1) * run_length]
            result += [finish(code, x.fix_point - fix_point_of(op)) for code in codes]
    return result


def identity(op: Node, args: Args) -> list[int]:
    """Pass the codes on: upload, download and reshape-fix."""
    x = args["input"][0]
    check(op, "fix_point", x.fix_point, fix_point_of(op))
    return x.values


def const_fix(op: Node, registers: dict[str, bytes]) -> list[int]:
    """Read a constant: its own `data` if it has any, else plain int8 out of its register."""
    size = math.prod(dims_of(op))
    data = op["attrs"].get("data") or b""
    if not data:
        register, at = f"REG_{op['tensor']['attrs']['reg_id']}", op["tensor"]["attrs"]["ddr_addr"]
        if register not in registers or at < 0:
            raise ValueError(f"{op['name']}: constant must be in the file, got {register} at {at}")
        data = registers[register][at : at + size]
    check(op, "bytes", size, len(data))
    return list(memoryview(data).cast("b"))


OPS: dict[str, Callable[[Node, Args], list[int]]] = {
    "upload": identity,
    "download": identity,
    "reshape-fix": identity,
    "conv2d-fix": conv2d_fix,
    "depthwise-conv2d-fix": depthwise_conv2d_fix,
    "pool-fix": pool_fix,
    "eltwise-fix": eltwise_fix,
    "concat-fix": concat_fix,
}  # data-fix and const-fix take no tensors: the interpreter reads these itself


def dims_of(op: Node) -> tuple[int, ...]:
    """Return the dims of the op's output tensor as the file gives them."""
    return tuple(op["tensor"]["dims"])


def fix_point_of(op: Node) -> int:
    """Return the fix point of the op's output tensor."""
    fix_point: int = op["tensor"]["attrs"]["fix_point"]
    return fix_point


def check(op: Node, what: str, rule: object, got: object) -> None:
    """Raise ValueError unless `got` equals `rule`."""
    if rule != got:
        raise ValueError(f"{op['name']}: {what} must be {rule}, got {got}")


def _filter(weights: Tensor, o: int, taps: tuple[int, ...]) -> list[int]:
    """Return the weights of output channel `o` at the given taps (ky * kw + kx), all channels."""
    _, kh, kw, ic = weights.dims
    start = o * kh * kw * ic
    return [weights.values[start + tap * ic + k] for tap in taps for k in range(ic)]


def _bias_and_shift(op: Node, args: Args) -> tuple[list[int], int, int]:
    """Return (bias, fraction, shift) of a convolution; shift_bias may be negative.

    With `fraction` more bits behind the point the bias is an int again; a sum of products is
    brought to the same point by << fraction, and then y = (that sum + bias) / 2**shift.
    """
    product_fix_point = args["input"][0].fix_point + args["weights"][0].fix_point
    shift_cut = product_fix_point - fix_point_of(op)
    channels = dims_of(op)[3]
    if not args.get("bias"):
        return [0] * channels, 0, shift_cut
    bias = args["bias"][0]
    check(op, "bias dims", (channels,), bias.dims)
    shift_bias = product_fix_point - bias.fix_point
    fraction = max(0, -shift_bias)
    return [b << (shift_bias + fraction) for b in bias.values], fraction, shift_cut + fraction


def _taps(op: Node, x: Tensor, axis: str, position: int) -> list[tuple[int, int]]:
    """Return (kernel tap, input position) wherever the kernel lies on the input, not on padding.

    Args:
        op: An op with kernel, stride and dilation [w, h] and pad [left, right, top, bottom].
        x: Its input (1, h, w, c).
        axis: "h" or "w".
        position: The output row or column.
    """
    wh, size, pad = (1, x.dims[1], 2) if axis == "h" else (0, x.dims[2], 0)
    kernel, stride = op["attrs"]["kernel"][wh], op["attrs"]["stride"][wh]
    dilation = op["attrs"].get("dilation", [1, 1])[wh]
    first = position * stride - op["attrs"].get("pad", [0, 0, 0, 0])[pad]
    at = [(tap, first + tap * dilation) for tap in range(kernel)]
    return [(tap, i) for tap, i in at if 0 <= i < size]


def _stretched(x: Tensor, dims: tuple[int, ...]) -> list[int]:
    """Return the values of x as if its dimensions of 1 were those of `dims`."""
    if x.dims == dims:
        return x.values
    own = (1,) * (len(dims) - len(x.dims)) + x.dims
    if len(own) > len(dims) or any(a not in (1, b) for a, b in zip(own, dims, strict=True)):
        raise ValueError(f"input dims must stretch to {dims}, got {x.dims}")
    result = []
    for index in itertools.product(*(range(size) for size in dims)):
        at = 0
        for i, size in zip(index, own, strict=True):
            at = at * size + (i if size > 1 else 0)
        result.append(x.values[at])
    return result
