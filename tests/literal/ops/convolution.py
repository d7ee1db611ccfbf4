"""Convolutions, plain and transposed, over all channels or each by itself.

Source: the DPU's integer arithmetic as documented for AMD's cpu_task, and its transposed-conv2d-fix.
"""

from __future__ import annotations

import operator
from collections.abc import Callable

from tests.literal.ops.rounding import finish_convolution
from tests.literal.ops.tensor import Args, Node, Tensor, check, dims_of, fix_point_of
from tests.literal.ops.windows import check_transposed, taps, transposed_taps

Taps = Callable[[Node, Tensor, str, int], list[tuple[int, int]]]


def conv2d_fix(op: Node, args: Args) -> list[int]:
    """Convolve: input (1, h, w, ic), weights (oc, kh, kw, ic / group), bias (oc,) or none."""
    return _convolve(op, args, taps, op["attrs"].get("group", 1))


def transposed_conv2d_fix(op: Node, args: Args) -> list[int]:
    """Convolve the input with zeros between its neighbours; the kernel is not turned around."""
    check(op, "group", 1, op["attrs"].get("group", 1))
    check_transposed(op, args["input"][0])
    return _convolve(op, args, transposed_taps, 1)


def depthwise_conv2d_fix(op: Node, args: Args) -> list[int]:
    """Convolve each channel by itself: input (1, h, w, c), weights (m, kh, kw, c), bias (c * m,).

    Output channel k * m + q is input channel k under its filter q.
    """
    return _convolve_channels(op, args, taps)


def transposed_depthwise_conv2d_fix(op: Node, args: Args) -> list[int]:
    """Do the same on the input with zeros between its neighbours; weights (1, kh, kw, c)."""
    check(op, "channel multiplier", 1, args["weights"][0].dims[0])
    check_transposed(op, args["input"][0])
    return _convolve_channels(op, args, transposed_taps)


def _convolve(op: Node, args: Args, taps_of: Taps, group: int) -> list[int]:
    x, weights = args["input"][0], args["weights"][0]
    oc, kh, kw, ic = weights.dims  # ic: the channels of one group
    batch, _, width, channels = x.dims
    _, out_h, out_w, out_c = dims_of(op)
    check(op, "batch", 1, batch)
    check(op, "kernel", [kw, kh], op["attrs"]["kernel"])
    check(op, "channels", (ic * group, oc), (channels, out_c))
    check(op, "remainder of output channels by group", 0, oc % group)
    bias, fraction, shift = _bias_and_shift(op, args)
    filters: dict[tuple[int, ...], list[list[int]]] = {}  # which taps are inside -> per channel
    result = []
    for oy in range(out_h):
        rows = taps_of(op, x, "h", oy)
        for ox in range(out_w):
            columns = taps_of(op, x, "w", ox)
            # The input under the taps, for each group; padding would add nothing.
            patches: list[list[int]] = [[] for _ in range(group)]
            for _, iy in rows:
                for _, ix in columns:
                    at = (iy * width + ix) * channels
                    for g in range(group):
                        patches[g] += x.values[at + g * ic : at + (g + 1) * ic]
            inside = tuple(ky * kw + kx for ky, _ in rows for kx, _ in columns)
            if inside not in filters:
                filters[inside] = [_filter(weights, o, inside) for o in range(oc)]
            for o in range(oc):
                patch = patches[o // (oc // group)]
                acc = sum(map(operator.mul, patch, filters[inside][o]))
                result.append(finish_convolution(op, (acc << fraction) + bias[o], shift))
    return result


def _convolve_channels(op: Node, args: Args, taps_of: Taps) -> list[int]:
    x, weights = args["input"][0], args["weights"][0]
    multiplier, kh, kw, c = weights.dims
    batch, _, width, channels = x.dims
    _, out_h, out_w, out_c = dims_of(op)
    check(op, "batch", 1, batch)
    check(op, "kernel", [kw, kh], op["attrs"]["kernel"])
    check(op, "channels", (c, c * multiplier), (channels, out_c))
    bias, fraction, shift = _bias_and_shift(op, args)
    result = []
    for oy in range(out_h):
        rows = taps_of(op, x, "h", oy)
        for ox in range(out_w):
            columns = taps_of(op, x, "w", ox)
            for k in range(c):
                for q in range(multiplier):
                    acc = 0
                    for ky, iy in rows:
                        for kx, ix in columns:
                            weight = weights.values[((q * kh + ky) * kw + kx) * c + k]
                            acc += x.values[(iy * width + ix) * c + k] * weight
                    numerator = (acc << fraction) + bias[k * multiplier + q]
                    result.append(finish_convolution(op, numerator, shift))
    return result


def _filter(weights: Tensor, o: int, inside: tuple[int, ...]) -> list[int]:
    """Return the weights of output channel `o` at the given taps (ky * kw + kx), all channels."""
    _, kh, kw, ic = weights.dims
    start = o * kh * kw * ic
    return [weights.values[start + tap * ic + k] for tap in inside for k in range(ic)]


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
