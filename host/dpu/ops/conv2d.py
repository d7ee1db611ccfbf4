"""conv2d in float32."""

from __future__ import annotations

import numpy as np

from host.dpu.ops.call import Call
from host.dpu.ops.windows import columns, padded, window_of


def conv2d(call: Call) -> np.ndarray:
    """Convolve in float32.

    Args:
        call: `input` (n, h, w, ic), `weights` (oc, kh, kw, ic), `bias` (oc,) or none; all float32.

    Returns:
        float32 (n, oh, ow, oc).
    """
    x, weights = call.value(), call.value("weights")
    window = window_of(call)
    rows = columns(padded(x, window, 0), window)
    sums = rows @ weights.reshape(len(weights), -1).T
    if call.has("bias"):
        sums += call.value("bias")
    return call.shaped(sums.reshape(len(x), *window.out, -1))
