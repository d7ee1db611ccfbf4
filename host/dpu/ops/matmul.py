"""matmul in float32, as in graphs from PyTorch."""

from __future__ import annotations

import numpy as np

from host.dpu.ops.call import Call
from target.errors import ModelError


def matmul(call: Call) -> np.ndarray:
    """Multiply two stacks of matrices, add `bias` if there is one.

    Args:
        call: `input`: (n, ..., a, b) and (..., b, c), each transposed first where `transpose_a` or
            `transpose_b` says so; `bias` (c,) or none.

    Returns:
        float32 (n, ..., a, c).

    Raises:
        ModelError: If the shapes do not fit.
    """
    values = call.values.get("input", [])
    if len(values) != 2:
        raise ModelError(f"op '{call.op.name}' must have two inputs, got {len(values)}")
    first, second = values
    if call.op.attrs.get("transpose_a"):
        first = first.swapaxes(-1, -2)
    if call.op.attrs.get("transpose_b"):
        second = second.swapaxes(-1, -2)
    try:
        product = np.matmul(first, second)
        if call.has("bias"):
            product = product + call.value("bias")
    except (ValueError, IndexError) as error:
        raise ModelError(
            f"inputs of op '{call.op.name}' must be matrices that fit, got"
            f" {list(first.shape)} and {list(second.shape)}"
        ) from error
    return call.shaped(np.asarray(product))
