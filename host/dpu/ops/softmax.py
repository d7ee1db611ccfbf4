"""softmax in float, as the CPU computes it behind the DPU."""

from __future__ import annotations

import numpy as np

from host.dpu.ops.call import Call
from target.errors import ModelError


def softmax(call: Call) -> np.ndarray:
    """Return exp(x) / sum(exp(x)) along attribute `axis`, the last one if there is none.

    Args:
        call: `input` float32 (n, ..., classes).

    Returns:
        float32, same shape.

    Raises:
        ModelError: If there is no such axis.
    """
    x, axis = call.real(), call.integer("axis", -1)
    if not -x.ndim < axis < x.ndim or axis == 0:
        raise ModelError(f"axis of op '{call.op.name}' must be of 1..{x.ndim - 1}, got {axis}")
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return call.shaped(powers / powers.sum(axis=axis, keepdims=True))
