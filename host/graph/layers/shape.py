"""Add, Multiply, Concatenate, and layers that only move values: Flatten, Reshape, ZeroPadding2D, Dropout."""

from __future__ import annotations

from collections.abc import Callable

from host.graph.graph import Op, Tensor
from host.graph.layers.base import LayerCall
from target.errors import ModelError


def input_layer(call: LayerCall) -> str:
    """InputLayer -> data, if it is not fed by a surrounding model."""
    if call.sources:
        return call.sources[0]
    sizes = list(call.layer.batch_shape[1:])
    if None in sizes:
        raise ModelError(
            f"input '{call.layer.name}' must have a fixed size, got {sizes}; give the model one"
            " (--input-size where it is an application)"
        )
    tensor = Tensor(call.name, (1, *map(int, sizes)))
    return call.graph.add(Op(call.name, "data", tensor, {}, {"__keras": "InputLayer"})).name


def eltwise(kind: str) -> Callable[[LayerCall], str]:
    """Return the converter of a sum or product: add or mul."""

    def convert(call: LayerCall) -> str:
        return call.add(kind)

    return convert


def concatenate(call: LayerCall) -> str:
    """Concatenate -> concat."""
    return call.add("concat", {"axis": call.layer.axis % len(call.dims_in)})


def zero_padding_2d(call: LayerCall) -> str:
    """ZeroPadding2D -> pad."""
    (top, bottom), (left, right) = call.layer.padding
    paddings = [0, 0, int(top), int(bottom), int(left), int(right), 0, 0]
    return call.add("pad", {"paddings": paddings, "mode": "CONSTANT"})


def reshape(call: LayerCall) -> str:
    """Flatten or Reshape -> reshape."""
    dims = call.dims_out()
    return call.add("reshape", {"shape": list(dims)}, dims=dims)


def dropout(call: LayerCall) -> str:
    """Dropout or SpatialDropout2D -> identity."""
    return call.add("identity")
