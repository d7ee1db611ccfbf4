"""inner-product (a dense layer) in float32."""

from __future__ import annotations

import numpy as np

from host.dpu.ops.call import Call


def inner_product(call: Call) -> np.ndarray:
    """Multiply each row by a matrix in float32.

    Args:
        call: `input` (n, ...), flattened row-major behind the batch; `weights` (oc, ic);
            `bias` (oc,) or none.

    Returns:
        float32 (n, oc).
    """
    x = call.value()
    sums = x.reshape(len(x), -1) @ call.value("weights").T
    if call.has("bias"):
        sums += call.value("bias")
    return call.shaped(sums)
