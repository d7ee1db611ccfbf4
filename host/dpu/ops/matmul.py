"""matmul in float32, as in graphs from PyTorch."""

from __future__ import annotations

import math

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
    if min(first.ndim, second.ndim) < 2:
        raise _unfit(call, values)
    if call.op.attrs.get("transpose_a"):
        first = first.swapaxes(-1, -2)
    if call.op.attrs.get("transpose_b"):
        second = second.swapaxes(-1, -2)
    try:
        stack = np.broadcast_shapes(first.shape[:-2], second.shape[:-2])
    except ValueError as error:
        raise _unfit(call, values) from error
    if first.shape[-1] != second.shape[-2]:
        raise _unfit(call, values)
    made = (*stack, first.shape[-2], second.shape[-1])
    if math.prod(made[1:]) != math.prod(call.op.tensor.dims[1:]):  # before it is allocated
        raise ModelError(
            f"tensor of op '{call.op.name}' must have dims {list(made)} by its inputs,"
            f" got {list(call.op.tensor.dims)}"
        )
    product = np.matmul(first, second)
    if call.has("bias"):
        product = product + call.vector("bias", made[-1])
    return call.shaped(np.asarray(product))


def _unfit(call: Call, values: list[np.ndarray]) -> ModelError:
    return ModelError(
        f"inputs of op '{call.op.name}' must be matrices that fit,"
        f" got {[list(value.shape) for value in values]}"
    )
