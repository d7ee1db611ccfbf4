"""concat in float32."""

from __future__ import annotations

import numpy as np

from host.dpu.ops.call import Call
from target.errors import ModelError


def concat(call: Call) -> np.ndarray:
    """Put tensors side by side along attribute `axis`."""
    return call.shaped(np.concatenate(call.values["input"], axis=check_axis(call)))


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
    return axis
