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
    scale = call.value("gamma") / np.sqrt(
        call.value("moving_var") + np.float32(call.attr("epsilon"))
    )
    return call.shaped((call.value() - call.value("moving_mean")) * scale + call.value("beta"))
