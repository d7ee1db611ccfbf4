"""softmax in float, as the CPU computes it behind the DPU."""

from __future__ import annotations

import numpy as np

from host.dpu.ops.call import Call


def softmax(call: Call) -> np.ndarray:
    """Return exp(x) / sum(exp(x)) along the last axis.

    Args:
        call: `input` float32 (n, ..., classes).

    Returns:
        float32, same shape.
    """
    x = call.value()
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return call.shaped(powers / powers.sum(axis=-1, keepdims=True))
