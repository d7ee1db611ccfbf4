"""inner-product (a dense layer) in float32."""

from __future__ import annotations

import math

import numpy as np

from host.dpu.ops.call import Call
from target.errors import ModelError


def inner_product(call: Call) -> np.ndarray:
    """Multiply rows by a matrix in float32.

    Args:
        call: `input` (n, ...); from attribute `axis` on it is flattened row-major; `weights`
            (oc, ic); `bias` (oc,) or none.

    Returns:
        float32 (n, ..., oc).

    Raises:
        ModelError: If there is no such axis or the rows have another length.
    """
    x, weights = call.value(), call.value("weights")
    axis = call.integer("axis", -1)
    axis += x.ndim if axis < 0 else 0
    length = math.prod(x.shape[axis:]) if 0 < axis < x.ndim else 0
    if weights.ndim != 2 or length != weights.shape[1]:
        raise ModelError(
            f"weights of op '{call.op.name}' must be (oc, {length}), got {list(weights.shape)}"
        )
    sums = x.reshape(*x.shape[:axis], length) @ weights.T
    if call.has("bias"):
        sums += call.vector("bias", sums.shape[-1])
    return call.shaped(sums)
