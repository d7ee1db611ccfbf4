"""Keras model -> float Graph. The only file of host/graph that imports Keras (and so TensorFlow).

To add a layer: write its converter, add one line to CONVERTERS. Weights take XIR's layout (oc, kh,
kw, ic); `__keras` remembers the layer's class, because AMD's quantizer treats Activation('relu')
and ReLU apart.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from host.graph.graph import Graph, Op, Tensor, const
from host.quiet import import_keras
from target.errors import ModelError

_ACTIVATION_TYPES = {"relu": "relu", "relu6": "relu6", "sigmoid": "sigmoid", "softmax": "softmax"}


def load_keras_model(path: Path) -> Any:
    """Load a .keras file.

    Raises:
        ModelError: If it is missing or cannot be read.
    """
    if not path.is_file():
        raise ModelError(
            f"float model must be a .keras file, got no file at {path}; run make train"
        )
    import_keras()
    import keras

    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras raises many kinds for a damaged or foreign file
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"float model must be readable by Keras 3, got '{reason}' in {path}"
        ) from error


def from_keras(model: Any) -> Graph:
    """Turn a functional Keras model into a float graph.

    Args:
        model: keras.Model with one output; layers as in CONVERTERS.

    Returns:
        The graph: one op per layer, named as the layer, in the model's layer order, plus constants.

    Raises:
        ModelError: If a layer or option has no converter.
    """
    graph = Graph(model.name)
    made: dict[str, str] = {}
    for layer in model.get_config()["layers"] if _is_functional(model) else _refuse(model):
        name = layer["config"]["name"]
        _check_kind(layer)
        sources = [made[source] for source in _sources(layer)]
        made[name] = _convert(graph, model.get_layer(name), layer, sources)
    graph.sort()
    if len(model.outputs) != 1:
        raise ModelError(f"model '{model.name}' must have one output, got {len(model.outputs)}")
    return graph


def _is_functional(model: Any) -> bool:
    return "output_layers" in model.get_config()


def _refuse(model: Any) -> Any:
    raise ModelError(
        f"model must be a functional Keras model, got {type(model).__name__} '{model.name}'"
    )


def _check_kind(layer: dict[str, Any]) -> None:
    """Refuse layers and layouts that no converter knows."""
    name, config = layer["config"]["name"], layer["config"]
    # `a + b` makes an operation, which is named Add too but is no layer.
    if layer["class_name"] not in CONVERTERS or layer.get("module") != "keras.layers":
        raise ModelError(
            f"layer '{name}' must be one of {sorted(CONVERTERS)} in keras.layers,"
            f" got {layer['class_name']} in {layer.get('module')}"
        )
    if config.get("data_format", "channels_last") != "channels_last":
        raise ModelError(
            f"data_format of layer '{name}' must be channels_last, got {config['data_format']}"
        )


def _check_axis(layer: Any) -> None:
    axis, rank = layer.axis, len(layer.output.shape)
    if axis not in (-1, rank - 1):
        raise ModelError(f"axis of layer '{layer.name}' must be the last one, got {axis}")


def _sources(layer: dict[str, Any]) -> list[str]:
    """Return the names of the layers that feed a layer, from its serialized call."""
    nodes = layer["inbound_nodes"]
    if len(nodes) > 1:
        raise ModelError(
            f"layer '{layer['config']['name']}' must be used once, got {len(nodes)} uses"
        )
    found: list[str] = []
    _collect_history(nodes[0]["args"] if nodes else [], found)
    return found


def _collect_history(value: Any, found: list[str]) -> None:
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        found.append(value["config"]["keras_history"][0])
    elif isinstance(value, (list, tuple)):
        for item in value:
            _collect_history(item, found)


def _convert(graph: Graph, layer: Any, config: dict[str, Any], sources: list[str]) -> str:
    kind = config["class_name"]
    last = CONVERTERS[kind](graph, layer, sources)
    activation = config["config"].get("activation", "linear")
    if kind == "Activation" or activation == "linear":
        return last
    # As AMD's separate_conv_act: the activation becomes a layer of its own, <layer>_<activation>.
    if not isinstance(activation, str):  # a layer or an object of the user's
        activation = str(activation["class_name"])
    return _activation(graph, f"{layer.name}_{activation}", activation, last, layer)


def _add(
    graph: Graph,
    layer: Any,
    kind: str,
    sources: list[str],
    attrs: dict[str, Any],
    **more: list[str],
) -> str:
    dims = tuple(1 if dim is None else int(dim) for dim in layer.output.shape)
    attrs = {"__keras": type(layer).__name__, **attrs}
    graph.add(Op(layer.name, kind, Tensor(layer.name, dims), {"input": sources, **more}, attrs))
    return str(layer.name)


def _constant(graph: Graph, layer: Any, role: str, values: np.ndarray) -> list[str]:
    return [graph.add(const(f"{layer.name}/{role}", values)).name]


def _input(graph: Graph, layer: Any, sources: list[str]) -> str:
    if None in layer.batch_shape[1:]:
        raise ModelError(
            f"input '{layer.name}' must have a fixed size, got {list(layer.batch_shape[1:])}"
        )
    tensor = Tensor(layer.name, (1, *map(int, layer.batch_shape[1:])))
    return graph.add(Op(layer.name, "data", tensor, {}, {"__keras": "InputLayer"})).name


def _window(layer: Any, kernel: tuple[int, int], dilation: tuple[int, int]) -> dict[str, Any]:
    """Return kernel, stride, dilation [w, h] and pad [l, r, t, b] with SAME resolved as TensorFlow does."""
    pads = []
    height, width = layer.input.shape[1:3]
    for size, k, s, d in zip((height, width), kernel, layer.strides, dilation):
        reach = (k - 1) * d + 1
        out = -(-size // s)
        total = max((out - 1) * s + reach - size, 0) if layer.padding == "same" else 0
        pads.append((total // 2, total - total // 2))
    return {
        "kernel": [kernel[1], kernel[0]],
        "stride": [layer.strides[1], layer.strides[0]],
        "dilation": [dilation[1], dilation[0]],
        "pad": [*pads[1], *pads[0]],
        "pad_mode": "FLOOR",
    }


def _weights(graph: Graph, layer: Any, kernel: np.ndarray) -> dict[str, list[str]]:
    weights = {"weights": _constant(graph, layer, "kernel", kernel)}
    if layer.use_bias:
        weights["bias"] = _constant(graph, layer, "bias", np.asarray(layer.bias))
    return weights


def _conv2d(graph: Graph, layer: Any, sources: list[str]) -> str:
    if layer.groups != 1:
        raise ModelError(f"groups of layer '{layer.name}' must be 1, got {layer.groups}")
    kernel = np.asarray(layer.kernel).transpose(3, 0, 1, 2)
    attrs = _window(layer, layer.kernel_size, layer.dilation_rate)
    return _add(graph, layer, "conv2d", sources, attrs, **_weights(graph, layer, kernel))


def _depthwise(graph: Graph, layer: Any, sources: list[str]) -> str:
    if layer.depth_multiplier != 1:
        raise ModelError(
            f"depth_multiplier of layer '{layer.name}' must be 1, got {layer.depth_multiplier}"
        )
    kernel = np.asarray(layer.kernel).transpose(3, 0, 1, 2)
    attrs = _window(layer, layer.kernel_size, layer.dilation_rate)
    return _add(graph, layer, "depthwise-conv2d", sources, attrs, **_weights(graph, layer, kernel))


def _dense(graph: Graph, layer: Any, sources: list[str]) -> str:
    if len(layer.input.shape) != 2:
        raise ModelError(
            f"input of layer '{layer.name}' must be flat (n, features), got {layer.input.shape}"
        )
    weights = _weights(graph, layer, np.asarray(layer.kernel).T)
    return _add(graph, layer, "inner-product", sources, {}, **weights)


def _batchnorm(graph: Graph, layer: Any, sources: list[str]) -> str:
    _check_axis(layer)
    channels = layer.output.shape[-1]
    parts = {
        "gamma": np.asarray(layer.gamma) if layer.scale else np.ones(channels),
        "beta": np.asarray(layer.beta) if layer.center else np.zeros(channels),
        "moving_mean": np.asarray(layer.moving_mean),
        "moving_var": np.asarray(layer.moving_variance),
    }
    args = {role: _constant(graph, layer, role, values) for role, values in parts.items()}
    return _add(graph, layer, "batchnorm", sources, {"epsilon": float(layer.epsilon)}, **args)


def _activation(graph: Graph, name: str, activation: str, source: str, layer: Any) -> str:
    if activation not in _ACTIVATION_TYPES:
        raise ModelError(
            f"activation of layer '{layer.name}' must be one of {sorted(_ACTIVATION_TYPES)},"
            f" got '{activation}'"
        )
    tensor = Tensor(name, graph.op(source).tensor.dims)
    kind = _ACTIVATION_TYPES[activation]
    attrs: dict[str, Any] = {"__keras": "Activation"}
    if kind == "softmax":
        attrs["axis"] = -1
    return graph.add(Op(name, kind, tensor, {"input": [source]}, attrs)).name


def _activation_layer(graph: Graph, layer: Any, sources: list[str]) -> str:
    name = str(layer.get_config()["activation"])
    if name == "linear":
        return sources[0]
    return _activation(graph, layer.name, name, sources[0], layer)


def _relu(graph: Graph, layer: Any, sources: list[str]) -> str:
    slope, limit = float(layer.negative_slope), layer.max_value
    if slope or float(layer.threshold) or limit not in (None, 6.0):
        raise ModelError(
            f"ReLU '{layer.name}' must have negative_slope 0, threshold 0 and max_value none or 6,"
            f" got {slope}, {layer.threshold}, {limit}"
        )
    return _add(graph, layer, "relu6" if limit else "relu", sources, {})


def _leaky_relu(graph: Graph, layer: Any, sources: list[str]) -> str:
    return _add(graph, layer, "leaky-relu", sources, {"alpha": float(layer.negative_slope)})


def _softmax(graph: Graph, layer: Any, sources: list[str]) -> str:
    _check_axis(layer)
    return _add(graph, layer, "softmax", sources, {"axis": -1})


def _pool(kind: str) -> Callable[[Graph, Any, list[str]], str]:
    def convert(graph: Graph, layer: Any, sources: list[str]) -> str:
        return _add(graph, layer, kind, sources, _window(layer, layer.pool_size, (1, 1)))

    return convert


def _global_average(graph: Graph, layer: Any, sources: list[str]) -> str:
    height, width = layer.input.shape[1:3]
    attrs = {"kernel": [width, height], "stride": [1, 1], "pad": [0, 0, 0, 0], "global": True}
    return _add(graph, layer, "avgpool2d", sources, attrs)


def _eltwise(kind: str) -> Callable[[Graph, Any, list[str]], str]:
    def convert(graph: Graph, layer: Any, sources: list[str]) -> str:
        return _add(graph, layer, "eltwise", sources, {"type": kind})

    return convert


def _concat(graph: Graph, layer: Any, sources: list[str]) -> str:
    axis = layer.axis % len(layer.output.shape)
    return _add(graph, layer, "concat", sources, {"axis": axis})


def _pad(graph: Graph, layer: Any, sources: list[str]) -> str:
    (top, bottom), (left, right) = layer.padding
    return _add(graph, layer, "pad", sources, {"pad": [left, right, top, bottom]})


def _reshape(graph: Graph, layer: Any, sources: list[str]) -> str:
    return _add(graph, layer, "reshape", sources, {})


def _dropout(graph: Graph, layer: Any, sources: list[str]) -> str:
    return sources[0]


CONVERTERS: dict[str, Callable[[Graph, Any, list[str]], str]] = {
    "Activation": _activation_layer,
    "Add": _eltwise("ADD"),
    "AveragePooling2D": _pool("avgpool2d"),
    "BatchNormalization": _batchnorm,
    "Concatenate": _concat,
    "Conv2D": _conv2d,
    "Dense": _dense,
    "DepthwiseConv2D": _depthwise,
    "Dropout": _dropout,
    "Flatten": _reshape,
    "GlobalAveragePooling2D": _global_average,
    "InputLayer": _input,
    "LeakyReLU": _leaky_relu,
    "MaxPooling2D": _pool("maxpool2d"),
    "Multiply": _eltwise("MUL"),
    "ReLU": _relu,
    "Reshape": _reshape,
    "Softmax": _softmax,
    "ZeroPadding2D": _pad,
}
