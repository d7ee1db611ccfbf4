"""argmax, and maximum, mean and sum over axes, on real values and on codes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from host.dpu.ops.call import Call
from host.dpu.ops.requantize import rescaled
from target.errors import ModelError
from target.vision.fixed_point import INT8_MAX


def argmax(call: Call) -> np.ndarray:
    """Return the place of the first maximum along attribute `axis`, as float32."""
    return call.shaped(_argmax(call).astype(np.float32))


def argmax_fix(call: Call) -> np.ndarray:
    """Return the place of the first maximum along attribute `axis`, as int8, at most 127."""
    return call.shaped(np.minimum(_argmax(call), INT8_MAX).astype(np.int8))


def _argmax(call: Call) -> np.ndarray:
    (axis,) = _axes(call, [call.integer("axis")])
    return np.asarray(np.argmax(call.value(), axis=axis))


def _reduction(function: Callable[..., np.ndarray], what: str) -> Callable[[Call], np.ndarray]:
    def apply(call: Call) -> np.ndarray:
        axes = _axes(call, call.integers("axis"))
        return call.shaped(np.asarray(function(call.value(), axis=axes)))

    apply.__doc__ = f"Return the {what} over attribute `axis` (a list), float32."
    return apply


reduction_max = _reduction(np.max, "maximum")
reduction_mean = _reduction(np.mean, "mean")
reduction_sum = _reduction(np.sum, "sum")


def reduction_max_fix(call: Call) -> np.ndarray:
    """Return the maximum over attribute `axis` of int8 codes, rounded once to the output's codes."""
    axes = _axes(call, call.integers("axis"))
    return call.shaped(rescaled(call, np.asarray(call.value().max(axis=axes))))


def _axes(call: Call, axes: list[int]) -> tuple[int, ...]:
    rank = call.value().ndim
    found = tuple(sorted({axis + rank if axis < 0 else axis for axis in axes}))
    if not found or found[0] < 1 or found[-1] >= rank or 0 in call.value().shape:
        raise ModelError(
            f"axis of op '{call.op.name}' must be of 1..{rank - 1} (0 is the batch), got {axes}"
        )
    return found
