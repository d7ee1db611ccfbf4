"""batchnorm in float32, as in a float graph before it is folded."""

from __future__ import annotations

import numpy as np

from host.dpu.ops.call import Call


def batchnorm(call: Call) -> np.ndarray:
    """Return (x - mean) / sqrt(var + epsilon) * gamma + beta, per channel.

    Args:
        call: `input` (n, ..., c); `gamma`, `beta`, `moving_mean`, `moving_var` (c,); all float32.
            Attribute `epsilon`.

    Returns:
        float32, same shape.
    """
    x = call.value()
    gamma, beta, mean, variance = (
        call.vector(arg, x.shape[-1]) for arg in ("gamma", "beta", "moving_mean", "moving_var")
    )
    scale = gamma / np.sqrt(variance + np.float32(call.attr("epsilon")))
    return call.shaped((x - mean) * scale + beta)
