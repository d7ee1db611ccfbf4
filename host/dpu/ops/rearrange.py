"""transpose, strided_slice and squeeze: the same values in another order or fewer of them."""

from __future__ import annotations

import numpy as np

from host.dpu.ops.call import Call
from host.dpu.ops.requantize import rescaled
from target.errors import ModelError


def transpose(call: Call) -> np.ndarray:
    """Return the tensor with its axes in attribute `order`; the batch stays in front."""
    x, order = call.value(), call.integers("order")
    if not order or sorted(order) != list(range(x.ndim)) or order[0] != 0:
        raise ModelError(
            f"order of op '{call.op.name}' must name the axes 0..{x.ndim - 1}, 0 first, got {order}"
        )
    return call.shaped(x.transpose(order))


def strided_slice(call: Call) -> np.ndarray:
    """Return x[begin:end:strides] of every axis but the batch's, which must be taken whole."""
    x = call.value()
    begin, end = call.integers("begin"), call.integers("end")
    strides = call.integers("strides", [1] * len(begin))
    if not len(begin) == len(end) == len(strides) == x.ndim > 0 or begin[0] or 0 in strides:
        raise ModelError(
            f"begin, end and strides of op '{call.op.name}' must have {x.ndim} numbers, the batch"
            f" taken whole, got {begin}, {end}, {strides}"
        )
    parts = [slice(b, e, s) for b, e, s in zip(begin[1:], end[1:], strides[1:])]
    return call.shaped(np.asarray(x[(slice(None), *parts)]))


def strided_slice_fix(call: Call) -> np.ndarray:
    """Slice int8 codes; see strided_slice. Rounded once if the fix points differ."""
    return rescaled(call, strided_slice(call))
