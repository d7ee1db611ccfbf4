"""Sliding windows: kernel, stride, dilation and padding of convolutions and pools."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from host.dpu.ops.call import Call
from target.errors import ModelError


@dataclasses.dataclass(frozen=True)
class Window:
    """Where a kernel is laid over a map; all in pixels, (height, width) order.

    Attributes:
        kernel: kh, kw.
        stride: sh, sw.
        dilation: dh, dw.
        pad: top, bottom, left, right.
        out: oh, ow: positions of the kernel.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    pad: tuple[int, int, int, int]
    out: tuple[int, int]


def window_of(call: Call) -> Window:
    """Read the window of an op: its attributes are [w, h] and [left, right, top, bottom].

    Raises:
        ModelError: If an attribute is impossible, the kernel is larger than the padded input, or
            the windows make another map than the op's.
    """
    kw, kh = pair(call, "kernel", None)
    sw, sh = pair(call, "stride", None)
    dw, dh = pair(call, "dilation", [1, 1])
    left, right, top, bottom = pad = _four(call)
    if min(pad) < 0:
        raise ModelError(f"pad of op '{call.op.name}' must be four sizes of at least 0, got {pad}")
    shape, declared = call.value().shape, call.op.tensor.dims
    if len(shape) != 4:
        raise ModelError(f"input of op '{call.op.name}' must be (n, h, w, c), got {list(shape)}")
    height, width = shape[1:3]
    reach = (kh - 1) * dh + 1, (kw - 1) * dw + 1
    room = height + top + bottom - reach[0], width + left + right - reach[1]
    if min(room) < 0:
        raise ModelError(
            f"kernel of op '{call.op.name}' must fit its padded input"
            f" {height + top + bottom}x{width + left + right}, got {reach[0]}x{reach[1]}"
        )
    out = room[0] // sh + 1, room[1] // sw + 1
    if "pool" in call.op.type and len(declared) == 4:  # rounded up, the last window hangs over
        inside = out[0] * sh < height + top, out[1] * sw < width + left  # not in the padding alone
        more = [
            int(d == o + 1 and r % s > 0 and i)
            for d, o, r, s, i in zip(declared[1:3], out, room, (sh, sw), inside)
        ]
        bottom += more[0] * (sh - room[0] % sh)
        right += more[1] * (sw - room[1] % sw)
        out = out[0] + more[0], out[1] + more[1]
    # Before anything is allocated: a damaged pad may ask for any size.
    if math.prod(out) != math.prod(declared[1:-1]):
        raise ModelError(
            f"tensor of op '{call.op.name}' must have {out[0]}x{out[1]} pixels by its window,"
            f" got dims {list(declared)}"
        )
    return Window((kh, kw), (sh, sw), (dh, dw), (top, bottom, left, right), out)


def spread(call: Call, x: np.ndarray) -> tuple[np.ndarray, Window]:
    """Prepare a transposed convolution: it is a convolution, stride 1, of the input with gaps.

    Between two pixels come stride - 1 zeros, around all kernel - 1 - pad of them; where pad is more
    than kernel - 1, the map is cut instead.

    Returns:
        The map (n, h', w', c) and the window over it, which needs no padding any more.

    Raises:
        ModelError: If an attribute is impossible or the result is another map than the op's.
    """
    kw, kh = pair(call, "kernel", None)
    sw, sh = pair(call, "stride", None)
    dw, dh = pair(call, "dilation", [1, 1])
    left, right, top, bottom = _four(call)
    declared = call.op.tensor.dims
    if x.ndim != 4:
        raise ModelError(f"input of op '{call.op.name}' must be (n, h, w, c), got {list(x.shape)}")
    n, height, width, channels = x.shape
    tall, wide = (height - 1) * sh + 1, (width - 1) * sw + 1
    # Above and left as AMD's cpu_task has it, below and right what its shape inference leaves.
    below, behind = (2 * dh - 1) * (kh - 1) - bottom, (2 * dw - 1) * (kw - 1) - right
    edges = kh - 1 - top, below, kw - 1 - left, behind
    sizes = tall + edges[0] + edges[1], wide + edges[2] + edges[3]
    out = sizes[0] - (kh - 1) * dh, sizes[1] - (kw - 1) * dw
    if min(out) < 1 or math.prod(out) != math.prod(declared[1:-1]):
        raise ModelError(
            f"tensor of op '{call.op.name}' must have {out[0]}x{out[1]} pixels by its kernel,"
            f" got dims {list(declared)}"
        )
    if tall * wide > 4 * max(math.prod(sizes), height * width):
        raise ModelError(
            f"pad of op '{call.op.name}' must not cut off most of the map, got {list(_four(call))}"
        )
    gaps = np.zeros((n, tall, wide, channels), x.dtype)
    gaps[:, ::sh, ::sw] = x
    around = [max(edge, 0) for edge in edges]
    top, bottom, left, right = (max(-edge, 0) for edge in edges)
    cut = gaps[:, top : tall - bottom, left : wide - right]
    window = Window((kh, kw), (1, 1), (dh, dw), (around[0], around[1], around[2], around[3]), out)
    return padded(cut, window, 0), dataclasses.replace(window, pad=(0, 0, 0, 0))


def _four(call: Call) -> list[int]:
    pad = call.integers("pad", [0, 0, 0, 0])
    if len(pad) != 4:
        raise ModelError(f"pad of op '{call.op.name}' must be four sizes, got {pad}")
    return pad


def pair(call: Call, key: str, default: list[int] | None) -> tuple[int, int]:
    """Return an attribute [w, h].

    Raises:
        ModelError: If it is missing, or not two integers of at least 1.
    """
    pair = call.integers(key, default)
    if len(pair) != 2 or min(pair) < 1:
        raise ModelError(f"{key} of op '{call.op.name}' must be [w, h] of at least 1, got {pair}")
    return pair[0], pair[1]


def padded(x: np.ndarray, window: Window, fill: float) -> np.ndarray:
    """Return x (n, h, w, c) with the window's padding filled; x itself if there is none."""
    if not any(window.pad):
        return x
    top, bottom, left, right = window.pad
    n, h, w, c = x.shape
    out = np.full((n, h + top + bottom, w + left + right, c), fill, dtype=x.dtype)
    out[:, top : top + h, left : left + w] = x
    return out


def taps(x: np.ndarray, window: Window) -> list[np.ndarray]:
    """Return one view (n, oh, ow, c) per kernel position, row by row.

    Args:
        x: The padded map (n, h, w, c).
        window: Its window.
    """
    (oh, ow), (sh, sw), (dh, dw) = window.out, window.stride, window.dilation
    return [
        x[:, i * dh : i * dh + (oh - 1) * sh + 1 : sh, j * dw : j * dw + (ow - 1) * sw + 1 : sw]
        for i in range(window.kernel[0])
        for j in range(window.kernel[1])
    ]


def split_groups(
    call: Call, x: np.ndarray, weights: np.ndarray, group: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the input channels and weights (oc, kh, kw, ic) of each group.

    Raises:
        ModelError: If the channels cannot be divided so.
    """
    channels = x.shape[-1]
    if group < 1 or channels != weights.shape[-1] * group or len(weights) % group:
        raise ModelError(
            f"weights of op '{call.op.name}' must have {channels} input channels in {group} groups,"
            f" got {list(weights.shape)}"
        )
    if group == 1:
        return [(x, weights)]
    inputs = [np.ascontiguousarray(part) for part in np.split(x, group, axis=-1)]
    return list(zip(inputs, np.split(weights, group)))


def columns(x: np.ndarray, window: Window) -> np.ndarray:
    """Return the windows as rows: (n * oh * ow, kh * kw * c), taps outermost, channels innermost."""
    n, h, w, c = x.shape
    if window.kernel == (h, w):
        return x.reshape(n, -1)
    out = np.empty((n, *window.out, window.kernel[0] * window.kernel[1], c), dtype=x.dtype)
    for index, tap in enumerate(taps(x, window)):
        out[:, :, :, index] = tap
    return out.reshape(n * window.out[0] * window.out[1], -1)
