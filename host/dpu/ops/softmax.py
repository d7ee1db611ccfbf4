"""softmax in float, as the CPU computes it behind the DPU."""

from __future__ import annotations

import numpy as np

from host.dpu.ops.call import Call
from target.vision.postprocess import softmax as softmax_of


def softmax(call: Call) -> np.ndarray:
    """Return exp(x) / sum(exp(x)) along the last axis.

    Args:
        call: `input` float32 (n, ..., classes).

    Returns:
        float32, same shape.
    """
    return call.shaped(softmax_of(call.value()))
