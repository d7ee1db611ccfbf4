"""A quantized graph as one Keras layer: rounding in the forward pass, gradients straight through it.

What quantization-aware training trains. Positions stay; saturated values get no gradient.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from host.graph.graph import Graph, Op
from target.errors import ModelError
from target.vision.fixed_point import INT8_MAX, INT8_MIN


class GraphLayer(keras.layers.Layer):
    """Executes a quantized graph; its constants are the weights.

    Args:
        graph: Quantized, with fix points; its constants are the start.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__(name="quantized")
        self._graph = graph
        self._names = [op.name for op in graph if op.type == "const"]

    def build(self, input_shape: Any) -> None:
        """Make a weight of every constant."""
        self._variables = {
            name: self.add_weight(
                shape=self._graph.op(name).tensor.dims,
                initializer=keras.initializers.Constant(self._data(name)),
                name=name.replace("/", "_"),
            )
            for name in self._names
        }

    def _data(self, name: str) -> np.ndarray:
        data = self._graph.op(name).data
        assert data is not None
        return data

    def call(self, x: Any) -> Any:
        """Return the network's output for (n, h, w, c)."""
        values: dict[str, Any] = {}
        for op in self._graph:
            if op.type == "data":
                values[op.name] = x
            elif op.type == "const":
                values[op.name] = self._variables[op.name]
            else:
                inputs = [values[name] for name in op.args.get("input", [])]
                extra = {arg: values[names[0]] for arg, names in op.args.items() if arg != "input"}
                values[op.name] = function_of(op)(op, inputs, extra)
        return values[self._graph.outputs()[0].name]

    def store(self) -> None:
        """Put the weights into the graph's constants."""
        for name in self._names:
            value = ops.convert_to_numpy(self._variables[name]).astype(np.float32)
            self._graph.op(name).data = value


Function = Callable[[Op, list[Any], dict[str, Any]], Any]


def function_of(op: Op) -> Function:
    """Return the function of an op.

    Raises:
        ModelError: If it cannot be trained through.
    """
    if op.type not in _FUNCTIONS:
        raise ModelError(
            f"op '{op.name}' must be one of {sorted(_FUNCTIONS)} to be trained through,"
            f" got '{op.type}'"
        )
    return _FUNCTIONS[op.type]


def _fix(op: Op, inputs: list[Any], extra: dict[str, Any]) -> Any:
    unit = 2.0 ** -int(op.attrs["fix_point"])
    inside = ops.clip(inputs[0], INT8_MIN * unit, INT8_MAX * unit)
    scaled = inside / unit
    even = op.attrs["round_mode"] == "PY3_ROUND"
    rounded = ops.round(scaled) if even else ops.floor(scaled + 0.5)
    return inside + ops.stop_gradient(rounded * unit - inside)


def _padded(op: Op, x: Any, fill: float = 0.0) -> Any:
    left, right, top, bottom = op.attrs.get("pad", [0, 0, 0, 0])
    if not any((left, right, top, bottom)):
        return x
    pads = ((0, 0), (top, bottom), (left, right), (0, 0))
    return ops.pad(x, pads, constant_values=fill)


def _pair(values: list[int]) -> tuple[int, int]:
    return int(values[1]), int(values[0])


def _with_bias(sums: Any, extra: dict[str, Any]) -> Any:
    return sums + extra["bias"] if "bias" in extra else sums


def _conv(op: Op, inputs: list[Any], extra: dict[str, Any]) -> Any:
    strides, dilation = _pair(op.attrs["stride"]), _pair(op.attrs["dilation"])
    x, kernel = _padded(op, inputs[0]), ops.transpose(extra["weights"], (1, 2, 3, 0))
    convolve = ops.depthwise_conv if op.type == "depthwise-conv2d" else ops.conv
    sums = convolve(x, kernel, strides=strides, padding="valid", dilation_rate=dilation)
    return _with_bias(sums, extra)


def _transposed(op: Op, inputs: list[Any], extra: dict[str, Any]) -> Any:
    kernel = ops.flip(ops.transpose(extra["weights"], (1, 2, 0, 3)), axis=(0, 1))
    sums = ops.conv_transpose(inputs[0], kernel, _pair(op.attrs["stride"]), padding="valid")
    left, _, top, _ = op.attrs["pad"]
    height, width = op.tensor.dims[1:3]
    return _with_bias(sums[:, top : top + height, left : left + width], extra)


def _dense(op: Op, inputs: list[Any], extra: dict[str, Any]) -> Any:
    return _with_bias(ops.matmul(inputs[0], ops.transpose(extra["weights"])), extra)


def _max_pool(op: Op, inputs: list[Any], extra: dict[str, Any]) -> Any:
    x = _padded(op, inputs[0], -1e30)
    pooled = ops.max_pool(x, _pair(op.attrs["kernel"]), _pair(op.attrs["stride"]), "valid")
    return ops.reshape(pooled, (-1, *op.tensor.dims[1:]))


def _average(op: Op, inputs: list[Any], extra: dict[str, Any]) -> Any:
    kernel, strides = _pair(op.attrs["kernel"]), _pair(op.attrs["stride"])
    area = math.prod(kernel)
    total = ops.average_pool(_padded(op, inputs[0]), kernel, strides, "valid") * area
    count, bits = op.attrs.get("dpu_factor", (0, 0))
    factor = count / 2.0**bits if count else 1 / area
    if any(op.attrs.get("pad", ())) and not op.attrs.get("count_include_pad", True):
        ones = ops.ones((1, *inputs[0].shape[1:3], 1))
        pixels = ops.average_pool(_padded(op, ones), kernel, strides, "valid") * area
        total = total / pixels * area
    return ops.reshape(total * factor, (-1, *op.tensor.dims[1:]))


def _leaky(op: Op, inputs: list[Any], extra: dict[str, Any]) -> Any:
    slope = extra.get("weight", op.attrs.get("alpha"))
    return ops.where(inputs[0] < 0, inputs[0] * slope, inputs[0])


def _hard_sigmoid(op: Op, inputs: list[Any], extra: dict[str, Any]) -> Any:
    count, bits = op.attrs.get("dpu_factor", (0, 0))
    return ops.clip(inputs[0] + 3.0, 0.0, 6.0) * (count / 2.0**bits if count else 1 / 6)


def _reshape(op: Op, inputs: list[Any], extra: dict[str, Any]) -> Any:
    return ops.reshape(inputs[0], (-1, *op.tensor.dims[1:]))


def _pad(op: Op, inputs: list[Any], extra: dict[str, Any]) -> Any:
    pads = op.attrs["paddings"]
    return ops.pad(inputs[0], tuple(zip(pads[::2], pads[1::2])))


def _resize(op: Op, inputs: list[Any], extra: dict[str, Any]) -> Any:
    mode = str(op.attrs["mode"]).lower()
    return ops.image.resize(inputs[0], op.tensor.dims[1:3], interpolation=mode)


def _plain(function: Callable[[Any], Any]) -> Function:
    return lambda op, inputs, extra: function(inputs[0])


_FUNCTIONS: dict[str, Function] = {
    "add": lambda op, inputs, extra: sum(inputs[1:], start=inputs[0]),
    "avgpool2d": _average,
    "concat": lambda op, inputs, extra: ops.concatenate(inputs, axis=op.attrs["axis"]),
    "conv2d": _conv,
    "depthwise-conv2d": _conv,
    "elu": _plain(keras.activations.elu),
    "exp": _plain(ops.exp),
    "fix": _fix,
    "gelu": _plain(keras.activations.gelu),
    "hard-sigmoid": _hard_sigmoid,
    "identity": _plain(lambda x: x),
    "inner-product": _dense,
    "leaky-relu": _leaky,
    "maxpool2d": _max_pool,
    "mul": lambda op, inputs, extra: math.prod(inputs[1:], start=inputs[0]),
    "pad": _pad,
    "prelu": _leaky,
    "relu": _plain(ops.relu),
    "relu6": _plain(ops.relu6),
    "reshape": _reshape,
    "resize": _resize,
    "selu": _plain(keras.activations.selu),
    "softmax": _plain(ops.softmax),
    "softplus": _plain(ops.softplus),
    "softsign": _plain(ops.softsign),
    "swish": _plain(ops.silu),
    "tanh": _plain(ops.tanh),
    "transposed-conv2d": _transposed,
}
