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
    kw, kh = _pair(call, "kernel", None)
    sw, sh = _pair(call, "stride", None)
    dw, dh = _pair(call, "dilation", [1, 1])
    pad = call.integers("pad", [0, 0, 0, 0])
    if len(pad) != 4 or min(pad) < 0:
        raise ModelError(f"pad of op '{call.op.name}' must be four sizes of at least 0, got {pad}")
    left, right, top, bottom = pad
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
    # Before anything is allocated: a damaged pad may ask for any size.
    if math.prod(out) != math.prod(declared[1:-1]):
        raise ModelError(
            f"tensor of op '{call.op.name}' must have {out[0]}x{out[1]} pixels by its window,"
            f" got dims {list(declared)}"
        )
    return Window((kh, kw), (sh, sw), (dh, dw), (top, bottom, left, right), out)


def _pair(call: Call, key: str, default: list[int] | None) -> tuple[int, int]:
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


def columns(x: np.ndarray, window: Window) -> np.ndarray:
    """Return the windows as rows: (n * oh * ow, kh * kw * c), taps outermost, channels innermost."""
    n, h, w, c = x.shape
    if window.kernel == (h, w):
        return x.reshape(n, -1)
    out = np.empty((n, *window.out, window.kernel[0] * window.kernel[1], c), dtype=x.dtype)
    for index, tap in enumerate(taps(x, window)):
        out[:, :, :, index] = tap
    return out.reshape(n * window.out[0] * window.out[1], -1)
