"""maxpool2d and avgpool2d in float32."""

from __future__ import annotations

import numpy as np

from host.dpu.ops.call import Call
from host.dpu.ops.windows import Window, padded, taps, window_of


def maxpool2d(call: Call) -> np.ndarray:
    """Return the maximum over windows; padding never wins. float32 (n, oh, ow, c)."""
    window = window_of(call)
    views = taps(padded(call.value(), window, -np.inf), window)
    highest = views[0].copy()
    for tap in views[1:]:
        np.maximum(highest, tap, out=highest)
    return call.shaped(highest)


def avgpool2d(call: Call) -> np.ndarray:
    """Return the average over windows, float32 (n, oh, ow, c).

    With the attribute `dpu_factor` = [N, M] the sum is multiplied by N / 2**M, as the DPU does;
    without it the sum is divided by the number of pixels that are not padding, as Keras does.
    """
    window = window_of(call)
    x = call.value()
    total = _sums(padded(x, window, 0), window)
    factor = call.op.attrs.get("dpu_factor")
    if factor is not None:
        return call.shaped(total * np.float32(factor[0] / 2.0 ** factor[1]))
    pixels = _sums(padded(np.ones_like(x[:1, :, :, :1]), window, 0), window)
    return call.shaped(total / pixels)


def _sums(x: np.ndarray, window: Window) -> np.ndarray:
    views = taps(x, window)
    total = views[0].astype(np.float32)
    for tap in views[1:]:
        total += tap
    return total
