"""Compiled graph -> ONNX graph of integer ops that gives the same codes. The only file that imports onnx.

Codes travel as uint8: code + 128 (zero point 128), or the code itself behind a ReLU (zero point 0).
A convolution is one QLinearConv: exact int32 sums, then round-half-to-even(float32(sum) * m), saturated.
Two steps make that the DPU's round-half-up(sum / 2**cut):

- every sum that is not cut off is made non-negative (the +128 goes into the bias as 128 * 2**cut), and
- m is 2**-cut times (1 + 2**-23), the next float32: an exact half then lies one or two float32 steps above
  the half and rounds up, and no other value crosses a half while the sum is below 2**22. Larger sums need
  not be exact: with cut <= 14 they are beyond 255 * 2**cut and saturate.

A negative shift_bias leaves a fraction b / 2**k in the sum. floor((n + fraction) / 2**cut) is
floor(n / 2**cut) for integer n, so the bias is floored; with cut = 0 it is rounded half up instead.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from host.dpu.engines import ort_sums
from host.dpu.engines.base import Unsupported
from host.dpu.ops.average import average_factor
from host.graph.graph import Graph, Op

MAX_SUM = 1 << 31  # of int32
MAX_CUT = 14
OPSET, IR_VERSION = 17, 9  # both read by every onnxruntime since 1.13


@dataclasses.dataclass(frozen=True)
class Wire:
    """Where an op's codes are in the ONNX graph.

    Attributes:
        name: Of the ONNX tensor, uint8, NCHW (or (n, features)).
        zero: What stands for code 0: 128 or 0.
        op: The op whose codes they are.
    """

    name: str
    zero: int
    op: Op


def multiplier(cut: int) -> np.float32:
    """Return m of this module's docstring.

    >>> int(np.rint(np.float32(5) * multiplier(1))), int(np.rint(np.float32(7) * multiplier(1)))
    (3, 4)
    """
    exact = np.float32(2.0**-cut)
    return exact if cut <= 0 else np.nextafter(exact, np.float32(2))


class OnnxBuilder:
    """Builds the ONNX model of a graph.

    Args:
        graph: Compiled.
        doors: The op that takes the codes and the op whose codes are wanted.

    Raises:
        Unsupported: If an op has no exact counterpart.
    """

    def __init__(self, graph: Graph, doors: tuple[Op, Op]) -> None:
        self._graph = graph
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}
        self.wires: dict[str, Wire] = {}
        source, last = doors
        self._input = source
        for op in graph:
            if op.data is None:
                self._convert(op)
            if op.name == last.name:
                break
        self.output = self.wires[last.name]

    def model(self, all_tensors: bool) -> bytes:
        """Return the serialized model; with `all_tensors` every wire is an output."""
        wires = list(self.wires.values()) if all_tensors else [self.output]
        ranks = {wire.name: len(wire.op.tensor.dims) for wire in wires if wire.name != "codes"}
        dims = ["n", *self._input.tensor.dims[1:]]
        graph = helper.make_graph(
            self._nodes,
            self._graph.name,
            [helper.make_tensor_value_info("codes", TensorProto.UINT8, dims)],
            [
                helper.make_tensor_value_info(name, TensorProto.UINT8, [None] * rank)
                for name, rank in ranks.items()
            ],
            list(self._constants.values()),
        )
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())

    def _convert(self, op: Op) -> None:
        converters = {
            "data-fix": self._source,
            "upload": self._upload,
            "download": self._same,
            "reshape-fix": self._reshape,
            "conv2d-fix": self._convolution,
            "depthwise-conv2d-fix": self._convolution,
            "pool-fix": self._pool,
            "eltwise-fix": self._on_integers,
            "concat-fix": self._on_integers,
        }
        if op.type not in converters:
            raise Unsupported(f"op '{op.name}' must be of a type it has, got '{op.type}'")
        converters[op.type](op)

    def constant(self, name: str, value: np.ndarray | np.generic) -> str:
        """Add a constant, once a name; returns its name."""
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(np.asarray(value), name)
        return name

    def node(self, kind: str, inputs: list[str], op: Op, note: str = "", **attrs: Any) -> str:
        """Add a node, named after the op it is for; returns its output."""
        name = f"{op.name}/{kind}{note}"
        self._nodes.append(helper.make_node(kind, inputs, [name], name=name, **attrs))
        return name

    def sources(self, op: Op) -> list[Wire]:
        """Return where the codes of an op's inputs are."""
        return [self.wires[source.name] for source in self._graph.inputs(op)]

    def _on_integers(self, op: Op) -> None:
        make = ort_sums.eltwise if op.type == "eltwise-fix" else ort_sums.concat
        name, zero = make(self, op)
        self.wires[op.name] = Wire(name, zero, op)

    def _before(self, op: Op) -> Wire:
        return self.wires[self._graph.input(op).name]

    def _source(self, op: Op) -> None:
        if op.name != self._input.name:
            raise Unsupported(f"graph must have one input, got another: '{op.name}'")
        self.wires[op.name] = Wire("codes", 128, op)

    def _upload(self, op: Op) -> None:
        """NHWC to NCHW; with one channel that is only a new shape."""
        before = self._before(op)
        dims = op.tensor.dims
        if before.name != "codes":
            self.wires[op.name] = dataclasses.replace(before, op=op)
        elif len(dims) == 4 and dims[3] == 1:
            shape = self.constant("nchw", np.array([-1, 1, *dims[1:3]], np.int64))
            name = self.node("Reshape", ["codes", shape], op)
            self.wires[op.name] = Wire(name, 128, op)
        elif len(dims) == 4:
            name = self.node("Transpose", ["codes"], op, perm=[0, 3, 1, 2])
            self.wires[op.name] = Wire(name, 128, op)
        else:
            raise Unsupported(f"input must be a map (n, h, w, c), got {dims}")

    def _same(self, op: Op) -> None:
        self.wires[op.name] = dataclasses.replace(self._before(op), op=op)

    def _reshape(self, op: Op) -> None:
        """Reshapes keep NHWC order, so maps are turned back to it first."""
        before = self._before(op)
        old, new = before.op.tensor.dims, op.tensor.dims
        if len(new) not in (2, 4) or len(old) not in (2, 4):
            raise Unsupported(f"reshape '{op.name}' must be of maps and rows, got {old} to {new}")
        name = before.name
        if len(old) == 4 and old[1:3] != (1, 1):
            name = self.node("Transpose", [name], op, perm=[0, 2, 3, 1])
        shape = self.constant(f"{op.name}/shape", np.array([-1, *new[1:]], np.int64))
        name = self.node("Reshape", [name, shape], op)
        if len(new) == 4:
            name = self.node("Transpose", [name], op, "back", perm=[0, 3, 1, 2])
        self.wires[op.name] = Wire(name, before.zero, op)

    def _convolution(self, op: Op) -> None:
        source = self._graph.input(op)
        weights = self._graph.input(op, "weights")
        nonlinear, group = str(op.attrs.get("nonlinear", "NONE")), op.attrs.get("group", 1)
        whole_six = nonlinear == "RELU6" and op.tensor.fix_point >= 0
        plain = nonlinear in ("NONE", "RELU") or whole_six
        if weights.data is None or not plain or group != 1:
            raise Unsupported(
                f"op '{op.name}' must have NONE, RELU or RELU6 and 1 group, got {nonlinear}, {group}"
            )
        product = source.tensor.fix_point + weights.tensor.fix_point
        bias = np.zeros(op.tensor.dims[-1], np.int64)
        cut = product - op.tensor.fix_point
        if "bias" in op.args:
            constant = self._graph.input(op, "bias")
            shift = product - constant.tensor.fix_point
            codes = self._graph.data_of(op, "bias").astype(np.float64)
            rounding = 0.5 if cut == 0 else 0.0
            bias = np.floor(np.ldexp(codes, shift) + rounding).astype(np.int64)
        depthwise = op.type == "depthwise-conv2d-fix"
        layout = (3, 0, 1, 2) if depthwise else (0, 3, 1, 2)
        if depthwise and len(weights.data) != 1:
            raise Unsupported(f"op '{op.name}' must have one kernel a channel")
        relu = nonlinear != "NONE"
        # Rounding is monotonic and 6 a whole code, so it may be cut off behind it.
        highest = min(127, 6 << min(op.tensor.fix_point, 8)) if whole_six else 127
        self._qlinear(op, weights.data.transpose(layout), bias, (cut, relu, highest))

    def _pool(self, op: Op) -> None:
        before = self._before(op)
        shift = op.tensor.fix_point - before.op.tensor.fix_point
        kw, kh = op.attrs["kernel"]
        if op.attrs["type"] == "AVG":
            count, bits = average_factor(kh, kw)
            channels = op.tensor.dims[-1]
            kernel = np.full((channels, 1, kh, kw), count, np.int64)
            bias = np.zeros(channels, np.int64)
            self._qlinear(op, kernel, bias, (bits - shift, before.zero == 0, 127))
            return
        if shift or op.attrs.get("nonlinear", "NONE") != "NONE":
            raise Unsupported(
                f"max pool '{op.name}' must keep its fix point, got a shift of {shift}"
            )
        name = self.node("MaxPool", [before.name], op, kernel_shape=[kh, kw], **_window(op))
        self.wires[op.name] = Wire(name, before.zero, op)

    def _qlinear(
        self, op: Op, weights: np.ndarray, bias: np.ndarray, finish: tuple[int, bool, int]
    ) -> None:
        """Add a QLinearConv: weights (oc, ic / group, kh, kw), bias in units of the sum.

        `finish` is the shift of the sums, whether a ReLU follows, and the highest code then.
        """
        cut, relu, highest = finish
        before = self._before(op)
        weights = weights.astype(np.int64)  # |-128| does not fit int8
        offset = 0.0 if relu else 128 * 2.0**cut
        largest = np.abs(weights).reshape(len(weights), -1).sum(axis=1, dtype=np.int64) * 128
        if (
            not -7 <= cut <= MAX_CUT
            or offset != int(offset)
            or np.abs(weights).max(initial=0) > 128
        ):
            raise Unsupported(f"op '{op.name}' must have a shift of -7 to {MAX_CUT}, got {cut}")
        if float((largest + np.abs(bias) + offset).max(initial=0)) >= MAX_SUM:
            raise Unsupported(f"sums of op '{op.name}' must stay below {MAX_SUM}, got larger ones")
        one = self.constant("one", np.float32(1))
        zero = self.constant("zero", np.uint8(0))
        inputs = [
            before.name,
            one,
            zero if before.zero == 0 else self.constant("z128", np.uint8(128)),
            self.constant(f"{op.name}/weights", np.ascontiguousarray(weights, dtype=np.int8)),
            self.constant(f"{op.name}/multiplier", multiplier(cut)),
            self.constant(f"{op.name}/zero", np.int8(0)),  # its own: AVX2 makes another of it
            one,
            zero,
            self.constant(f"{op.name}/bias", (bias + int(offset)).astype(np.int32)),
        ]
        group = len(weights) if weights.shape[1] == 1 and before.op.tensor.dims[-1] > 1 else 1
        kernel = list(weights.shape[2:])
        name = self.node("QLinearConv", inputs, op, kernel_shape=kernel, group=group, **_window(op))
        if relu:
            name = self.node(
                "Clip", [name, "", self.constant(f"c{highest}", np.uint8(highest))], op
            )
        self.wires[op.name] = Wire(name, 0 if relu else 128, op)


def _window(op: Op) -> dict[str, Any]:
    left, right, top, bottom = op.attrs.get("pad", [0, 0, 0, 0])
    (sw, sh), (dw, dh) = op.attrs["stride"], op.attrs.get("dilation", [1, 1])
    return {"strides": [sh, sw], "pads": [top, left, bottom, right], "dilations": [dh, dw]}
