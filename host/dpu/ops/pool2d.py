"""maxpool2d and avgpool2d in float32."""

from __future__ import annotations

import math

import numpy as np

from host.dpu.ops.call import Call
from host.dpu.ops.windows import Window, padded, taps, window_of


def maxpool2d(call: Call) -> np.ndarray:
    """Return the maximum over windows; padding never wins. float32 (n, oh, ow, c)."""
    window = window_of(call)
    views = taps(padded(call.real(), window, -np.inf), window)
    highest = views[0].copy()
    for tap in views[1:]:
        np.maximum(highest, tap, out=highest)
    return call.shaped(highest)


def avgpool2d(call: Call) -> np.ndarray:
    """Return the average over windows, float32 (n, oh, ow, c).

    The sum is divided by the number of pixels in the window, those of the padding included unless
    `count_include_pad` is false. With the attribute `dpu_factor` = [N, M] the DPU's stand-in for
    the division by the window's area is used: N / 2**M.
    """
    window = window_of(call)
    x = call.real()
    total = _sums(padded(x, window, 0), window)
    area = math.prod(window.kernel)
    count, bits = call.integers("dpu_factor", [0, 0])
    if call.op.attrs.get("count_include_pad", True) or not any(window.pad):
        return call.shaped(total * np.float32(count / 2.0**bits) if count else total / area)
    pixels = _sums(padded(np.ones_like(x[:1, :, :, :1]), window, 0), window)
    factor = np.float32(count * area / 2.0**bits) if count else np.float32(1)
    return call.shaped(total / pixels * factor)


def _sums(x: np.ndarray, window: Window) -> np.ndarray:
    views = taps(x, window)
    total = views[0].astype(np.float32)
    for tap in views[1:]:
        total += tap
    return total
