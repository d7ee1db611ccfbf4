"""Float graph -> Keras model, the way back from host.graph.from_keras: one layer per op, of the same name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers

from host.graph.graph import Graph, Op
from host.graph.layers.activation import ACTIVATIONS
from host.graph.layers.window import same_padding
from target.errors import ModelError

_ACTIVATION_OF = {kind: name for name, kind in ACTIVATIONS.items()}


def keras_from_graph(graph: Graph) -> keras.Model:
    """Return a functional Keras model that computes what a float graph computes.

    Args:
        graph: Without batch norms and without the DPU's own functions.

    Raises:
        ModelError: If an op has no layer.
    """
    made: dict[str, Any] = {}
    for op in graph:
        if op.data is None:
            sources = [made[name] for name in op.args.get("input", [])]
            made[op.name] = _LAYERS.get(op.type, _activation)(graph, op, sources)
    (image,) = [made[op.name] for op in graph.of_type("data")]
    results = [made[op.name] for op in graph.outputs()]
    model = keras.Model(image, results if len(results) > 1 else results[0], name=graph.name)
    set_weights(model, graph)
    return model


def set_weights(model: keras.Model, graph: Graph) -> None:
    """Give a model made by keras_from_graph the weights of a graph with the same ops."""
    for op in graph:
        arrays = _arrays(graph, op)
        if arrays:
            model.get_layer(op.name).set_weights(arrays)


def _arrays(graph: Graph, op: Op) -> list[np.ndarray]:
    if op.type == "prelu":
        return [_constant(graph, op, "weight")]
    if "weights" not in op.args:
        return []
    weights = _constant(graph, op, "weights")
    if op.type == "inner-product":
        weights = weights.T
    elif op.type == "transposed-conv2d":
        weights = weights.transpose(1, 2, 0, 3)[::-1, ::-1]
    else:
        weights = weights.transpose(1, 2, 3, 0)
    bias = [_constant(graph, op, "bias")] if "bias" in op.args else []
    return [np.ascontiguousarray(weights), *bias]


def _constant(graph: Graph, op: Op, arg: str) -> np.ndarray:
    source = graph.input(op, arg)
    source = graph.input(source) if source.type == "fix" else source
    assert source.data is not None
    return source.data


def _padding(graph: Graph, op: Op) -> str:
    """Return `valid` or `same`, the two that a layer of Keras has.

    Raises:
        ModelError: If the op pads otherwise.
    """
    left, right, top, bottom = op.attrs.get("pad", [0, 0, 0, 0])
    if not any((left, right, top, bottom)):
        return "valid"
    dilation = op.attrs.get("dilation", [1, 1])
    height, width = graph.input(op).tensor.dims[1:3]
    (kw, kh), (sw, sh), (dw, dh) = op.attrs["kernel"], op.attrs["stride"], dilation
    same = (*same_padding(width, kw, sw, dw), *same_padding(height, kh, sh, dh))
    if (left, right, top, bottom) != same:
        raise ModelError(f"pad of op '{op.name}' must be none or {same}, got {op.attrs['pad']}")
    return "same"


def _pair(values: list[int]) -> tuple[int, int]:
    return int(values[1]), int(values[0])


def _input(graph: Graph, op: Op, sources: list[Any]) -> Any:
    return layers.Input(op.tensor.dims[1:], name=op.name)


def _conv(graph: Graph, op: Op, sources: list[Any]) -> Any:
    options: dict[str, Any] = {
        "kernel_size": _pair(op.attrs["kernel"]),
        "strides": _pair(op.attrs["stride"]),
        "use_bias": "bias" in op.args,
        "name": op.name,
    }
    if op.type == "transposed-conv2d":
        padding = "same" if _is_same_transposed(graph, op) else "valid"
        layer = layers.Conv2DTranspose(op.tensor.dims[-1], padding=padding, **options)
        return layer(sources[0])
    options |= {"padding": _padding(graph, op), "dilation_rate": _pair(op.attrs["dilation"])}
    if op.type == "depthwise-conv2d":
        multiplier = graph.input(op, "weights").tensor.dims[0]
        return layers.DepthwiseConv2D(depth_multiplier=multiplier, **options)(sources[0])
    options["groups"] = op.attrs.get("group", 1)
    return layers.Conv2D(op.tensor.dims[-1], **options)(sources[0])


def _is_same_transposed(graph: Graph, op: Op) -> bool:
    height, width = graph.input(op).tensor.dims[1:3]
    (sw, sh), dims = op.attrs["stride"], op.tensor.dims
    return (height * sh, width * sw) == tuple(dims[1:3])


def _dense(graph: Graph, op: Op, sources: list[Any]) -> Any:
    return layers.Dense(op.tensor.dims[-1], use_bias="bias" in op.args, name=op.name)(sources[0])


def _pool(graph: Graph, op: Op, sources: list[Any]) -> Any:
    average = op.type == "avgpool2d"
    if op.attrs.get("global"):
        kind = layers.GlobalAveragePooling2D if average else layers.GlobalMaxPooling2D
        return kind(keepdims=len(op.tensor.dims) == 4, name=op.name)(sources[0])
    kind = layers.AveragePooling2D if average else layers.MaxPooling2D
    size, strides = _pair(op.attrs["kernel"]), _pair(op.attrs["stride"])
    return kind(size, strides, padding=_padding(graph, op), name=op.name)(sources[0])


def _activation(graph: Graph, op: Op, sources: list[Any]) -> Any:
    kind = op.attrs.get("__keras")
    if op.type == "identity" and kind in ("Dropout", "SpatialDropout2D"):
        layer = getattr(layers, kind)(0.0, name=op.name)
    elif op.type == "leaky-relu" and kind == "ReLU":
        layer = layers.ReLU(negative_slope=op.attrs["alpha"], name=op.name)
    elif op.type == "leaky-relu":
        layer = layers.LeakyReLU(negative_slope=op.attrs["alpha"], name=op.name)
    elif op.type == "prelu":
        shape = graph.input(op, "weight").tensor.dims
        shared = [axis + 1 for axis, size in enumerate(shape) if size == 1]
        layer = layers.PReLU(shared_axes=shared or None, name=op.name)
    elif op.type in ("relu", "relu6") and kind == "ReLU":
        layer = layers.ReLU(max_value=6.0 if op.type == "relu6" else None, name=op.name)
    elif op.type == "softmax" and kind == "Softmax":
        layer = layers.Softmax(name=op.name)
    elif op.type in _ACTIVATION_OF:
        layer = layers.Activation(_ACTIVATION_OF[op.type], name=op.name)
    else:
        raise ModelError(f"op '{op.name}' must have a Keras layer, got type '{op.type}'")
    return layer(sources[0])


def _reshape(graph: Graph, op: Op, sources: list[Any]) -> Any:
    return layers.Reshape(op.tensor.dims[1:], name=op.name)(sources[0])


def _pad(graph: Graph, op: Op, sources: list[Any]) -> Any:
    pads = op.attrs["paddings"]
    return layers.ZeroPadding2D(((pads[2], pads[3]), (pads[4], pads[5])), name=op.name)(sources[0])


def _resize(graph: Graph, op: Op, sources: list[Any]) -> Any:
    width, height = op.attrs["scale"]
    mode = str(op.attrs["mode"]).lower()
    return layers.UpSampling2D((int(height), int(width)), interpolation=mode, name=op.name)(
        sources[0]
    )


def _concat(graph: Graph, op: Op, sources: list[Any]) -> Any:
    return layers.Concatenate(axis=op.attrs["axis"], name=op.name)(sources)


_LAYERS: dict[str, Callable[[Graph, Op, list[Any]], Any]] = {
    "add": lambda graph, op, sources: layers.Add(name=op.name)(sources),
    "avgpool2d": _pool,
    "concat": _concat,
    "conv2d": _conv,
    "data": _input,
    "depthwise-conv2d": _conv,
    "inner-product": _dense,
    "maxpool2d": _pool,
    "mul": lambda graph, op, sources: layers.Multiply(name=op.name)(sources),
    "pad": _pad,
    "reshape": _reshape,
    "resize": _resize,
    "transposed-conv2d": _conv,
}
