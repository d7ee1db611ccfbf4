"""Float graph -> .onnx file for the baselines (ONNX Runtime, OpenCV). To add an op: one entry in _CONVERTERS.

Maps travel as NCHW inside; input and output keep the graph's own NHWC shapes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from host.graph.graph import Graph, Op
from host.graph.passes.fold_batchnorm import fold_batchnorm
from host.graph.passes.remove_dropout import remove_dropout
from target.errors import ModelError

OPSET, IR_VERSION = 13, 8  # both read by OpenCV 4.5 and every ONNX Runtime since 1.10

_INPUT, _OUTPUT = "@input", "@output"  # names that no layer has


def to_onnx(graph: Graph) -> bytes:
    """Return the bytes of an .onnx file that computes what a float graph computes.

    Args:
        graph: Float, one input, one output; it is not changed.

    Raises:
        ModelError: If an op has no counterpart here.
    """
    bare = graph.copy()
    remove_dropout(bare)
    fold_batchnorm(bare)
    return _Builder(bare).build()


class _Builder:
    """Nodes and constants of the ONNX graph while it grows."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def build(self) -> bytes:
        graph = self._graph
        (source,) = graph.of_type("data")
        (last,) = graph.outputs()
        for op in graph:
            if op.data is None:
                if op.type not in _CONVERTERS:
                    raise ModelError(
                        f"op '{op.name}' must be one of {', '.join(_CONVERTERS)} for a baseline in"
                        f" ONNX, got {op.type}"
                    )
                _CONVERTERS[op.type](self, op)
        inputs = [helper.make_tensor_value_info(_INPUT, TensorProto.FLOAT, source.tensor.dims)]
        if len(last.tensor.dims) == 4:
            self.add("Transpose", [last.name], _OUTPUT, perm=[0, 2, 3, 1])
        else:
            self.add("Identity", [last.name], _OUTPUT)
        outputs = [helper.make_tensor_value_info(_OUTPUT, TensorProto.FLOAT, last.tensor.dims)]
        content = helper.make_graph(self._nodes, graph.name, inputs, outputs, self._constants)
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(content, opset_imports=opset, ir_version=IR_VERSION)
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())

    def add(self, kind: str, inputs: list[str], output: str, **attrs: Any) -> None:
        """Add a node."""
        self._nodes.append(helper.make_node(kind, inputs, [output], output, **attrs))

    def constant(self, name: str, values: np.ndarray) -> str:
        """Add a constant; returns its name."""
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def data(self, op: Op) -> None:
        self.add("Transpose", [_INPUT], op.name, perm=[0, 3, 1, 2])

    def convolution(self, op: Op) -> None:
        """conv2d: (oc, kh, kw, ic) -> (oc, ic, kh, kw); depthwise: (m, kh, kw, c) -> (c m, 1, kh, kw)."""
        weights = self._graph.data_of(op, "weights")
        group = int(op.attrs.get("group", 1))
        if op.type == "depthwise-conv2d":
            group = weights.shape[3]
            weights = weights.transpose(3, 0, 1, 2).reshape(-1, 1, *weights.shape[1:3])
        else:
            weights = weights.transpose(0, 3, 1, 2)
        inputs = [op.args["input"][0], self.constant(f"{op.name}/w", weights)]
        if "bias" in op.args:
            inputs.append(self.constant(f"{op.name}/b", self._graph.data_of(op, "bias")))
        dilation = list(reversed(op.attrs["dilation"]))
        self.add("Conv", inputs, op.name, group=group, dilations=dilation, **_window(op))

    def dense(self, op: Op) -> None:
        if len(op.tensor.dims) != 2:
            raise ModelError(
                f"dense layer '{op.name}' must be on a flat tensor, got {op.tensor.dims}"
            )
        weights = self.constant(f"{op.name}/w", self._graph.data_of(op, "weights"))
        inputs = [op.args["input"][0], weights]
        if "bias" in op.args:
            inputs.append(self.constant(f"{op.name}/b", self._graph.data_of(op, "bias")))
        self.add("Gemm", inputs, op.name, transB=1)

    def batchnorm(self, op: Op) -> None:
        roles = ("gamma", "beta", "moving_mean", "moving_var")
        inputs = [
            self.constant(f"{op.name}/{role}", self._graph.data_of(op, role)) for role in roles
        ]
        epsilon = float(op.attrs["epsilon"])
        self.add("BatchNormalization", [op.args["input"][0], *inputs], op.name, epsilon=epsilon)

    def pool(self, op: Op) -> None:
        kind = "MaxPool" if op.type == "maxpool2d" else "AveragePool"
        output = op.name if len(op.tensor.dims) == 4 else f"{op.name}/map"
        self.add(kind, op.args["input"], output, **_window(op))
        if output != op.name:
            self.add("Flatten", [output], op.name)

    def reshape(self, op: Op) -> None:
        """The order of values is NHWC's, so a map goes back to it first."""
        source = op.args["input"][0]
        if len(self._graph.op(source).tensor.dims) == 4:
            self.add("Transpose", [source], f"{op.name}/nhwc", perm=[0, 2, 3, 1])
            source = f"{op.name}/nhwc"
        shape = self.constant(f"{op.name}/shape", np.array(op.tensor.dims, np.int64))
        flat = len(op.tensor.dims) != 4
        self.add("Reshape", [source, shape], op.name if flat else f"{op.name}/shaped")
        if not flat:
            self.add("Transpose", [f"{op.name}/shaped"], op.name, perm=[0, 3, 1, 2])

    def clip(self, op: Op) -> None:
        limits = [self.constant(f"{op.name}/{v}", np.array(v, np.float32)) for v in (0, 6)]
        self.add("Clip", [*op.args["input"], *limits], op.name)

    def softmax(self, op: Op) -> None:
        axis = 1 if len(op.tensor.dims) == 4 else -1
        self.add("Softmax", op.args["input"], op.name, axis=axis)


def _window(op: Op) -> dict[str, Any]:
    left, right, top, bottom = op.attrs.get("pad", [0, 0, 0, 0])
    return {
        "kernel_shape": list(reversed(op.attrs["kernel"])),
        "strides": list(reversed(op.attrs["stride"])),
        "pads": [top, left, bottom, right],
    }


def _plain(kind: str) -> Callable[[_Builder, Op], None]:
    return lambda builder, op: builder.add(kind, op.args["input"], op.name)


def _alike(kind: str) -> Callable[[_Builder, Op], None]:
    """A sum or product of any number of inputs, two at a time."""

    def convert(builder: _Builder, op: Op) -> None:
        first, *others = op.args["input"]
        for place, other in enumerate(others):
            output = op.name if place == len(others) - 1 else f"{op.name}/{place}"
            builder.add(kind, [first, other], output)
            first = output

    return convert


_CONVERTERS: dict[str, Callable[[_Builder, Op], None]] = {
    "add": _alike("Add"),
    "avgpool2d": _Builder.pool,
    "batchnorm": _Builder.batchnorm,
    "conv2d": _Builder.convolution,
    "data": _Builder.data,
    "depthwise-conv2d": _Builder.convolution,
    "identity": _plain("Identity"),
    "inner-product": _Builder.dense,
    "maxpool2d": _Builder.pool,
    "mul": _alike("Mul"),
    "relu": _plain("Relu"),
    "relu6": _Builder.clip,
    "reshape": _Builder.reshape,
    "sigmoid": _plain("Sigmoid"),
    "softmax": _Builder.softmax,
    "tanh": _plain("Tanh"),
}
