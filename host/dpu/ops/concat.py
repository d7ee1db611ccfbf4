"""concat in float32."""

from __future__ import annotations

import math

import numpy as np

from host.dpu.ops.call import Call
from target.errors import ModelError


def concat(call: Call) -> np.ndarray:
    """Put tensors side by side along attribute `axis`."""
    axis = check_axis(call)
    return call.shaped(np.concatenate(call.values["input"], axis=axis))


def check_axis(call: Call) -> int:
    """Return attribute `axis` if the inputs agree in all other axes.

    Raises:
        ModelError: If they do not, or have no such axis, or it is that of the batch.
    """
    axis, shapes = call.integer("axis"), [value.shape for value in call.values.get("input", [])]
    axis += len(call.op.tensor.dims) if axis < 0 else 0
    others = {(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}
    if len(others) != 1 or not 0 < axis < len(shapes[0]):
        raise ModelError(
            f"inputs of op '{call.op.name}' must agree in all axes but {axis}, got {shapes}"
        )
    if sum(math.prod(shape[1:]) for shape in shapes) != math.prod(call.op.tensor.dims[1:]):
        raise ModelError(  # before anything is allocated
            f"tensor of op '{call.op.name}' must have dims {list(call.op.tensor.dims)},"
            f" got inputs {shapes[:8]}"
        )
    return axis
