"""add, sub, mul, div, min, max in float32: two or more tensors, broadcast as numpy does."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from host.dpu.ops.call import Call
from target.errors import ModelError


def _folded(function: np.ufunc) -> Callable[[Call], np.ndarray]:
    def apply(call: Call) -> np.ndarray:
        values = call.values.get("input", [])
        check_broadcast(call, values)
        if any(value.dtype == np.int8 for value in values):
            raise ModelError(f"inputs of op '{call.op.name}' must be real values, got codes")
        with np.errstate(divide="ignore", invalid="ignore"):
            return call.shaped(np.asarray(functools.reduce(function, values), dtype=np.float32))

    apply.__doc__ = f"Return {function.__name__} of all inputs, float32."
    return apply


def check_broadcast(call: Call, values: list[np.ndarray]) -> None:
    """Check that inputs make a tensor of the op's own dims, before anything is allocated.

    Raises:
        ModelError: If they do not.
    """
    shapes = [value.shape for value in values]
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        shape = ()
    rows = max((value.shape[0] for value in values if value.ndim), default=0)
    if not values or shape[1:] != tuple(call.op.tensor.dims[1:]) or shape[0] > rows:
        raise ModelError(
            f"inputs of op '{call.op.name}' must broadcast to {list(call.op.tensor.dims)},"
            f" got {[list(shape) for shape in shapes]}"
        )


add = _folded(np.add)
sub = _folded(np.subtract)
mul = _folded(np.multiply)
div = _folded(np.divide)
minimum = _folded(np.minimum)
maximum = _folded(np.maximum)
