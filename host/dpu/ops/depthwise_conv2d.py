"""depthwise-conv2d in float32."""

from __future__ import annotations

import numpy as np

from host.dpu.ops.call import Call
from host.dpu.ops.windows import padded, taps, window_of


def depthwise_conv2d(call: Call) -> np.ndarray:
    """Convolve each channel with its own kernel in float32.

    Args:
        call: `input` (n, h, w, c), `weights` (1, kh, kw, c), `bias` (c,) or none; all float32.

    Returns:
        float32 (n, oh, ow, c).
    """
    weights = call.value("weights")
    window = window_of(call)
    x = padded(call.value(), window, 0)
    sums = np.zeros((len(x), *window.out, x.shape[-1]), dtype=np.float32)
    for tap, row in zip(taps(x, window), weights.reshape(-1, x.shape[-1])):
        sums += tap * row
    if call.has("bias"):
        sums += call.value("bias")
    return call.shaped(sums)
