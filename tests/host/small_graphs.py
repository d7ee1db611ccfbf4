"""Small graphs by hand, for the tests of the quantizer, the compiler and the emulator."""

from __future__ import annotations

from typing import Any

import numpy as np

from host.dpu.ops.call import Call
from host.dpu.ops.table import OPS
from host.graph.graph import Graph, Op, Tensor, const
from host.quantizer.annotate import LAYER, METHOD, ROLE

WINDOW = {"kernel": [1, 1], "stride": [1, 1], "dilation": [1, 1], "pad": [0, 0, 0, 0]}


def add_data(graph: Graph, dims: tuple[int, ...], name: str = "image") -> Op:
    """Add a float network input."""
    return graph.add(Op(name, "data", Tensor(name, dims), {}, {"__keras": "InputLayer"}))


def add_op(
    graph: Graph,
    name: str,
    kind: str,
    sources: list[str],
    dims: tuple[int, ...] | None = None,
    **attrs: Any,
) -> Op:
    """Add an op; its dims are those of its first input unless given."""
    dims = graph.op(sources[0]).tensor.dims if dims is None else dims
    return graph.add(Op(name, kind, Tensor(name, dims), {"input": list(sources)}, attrs))


def add_conv(
    graph: Graph,
    name: str,
    source: str,
    weights: np.ndarray,
    bias: np.ndarray | None = None,
    kind: str = "conv2d",
    **attrs: Any,
) -> Op:
    """Add a float convolution or dense layer that keeps the map's size, with its constants."""
    before = graph.op(source).tensor.dims
    channels = weights.shape[-1] if kind == "depthwise-conv2d" else weights.shape[0]
    args = {"input": [source], "weights": [graph.add(const(f"{name}/kernel", weights)).name]}
    if bias is not None:
        args["bias"] = [graph.add(const(f"{name}/bias", bias)).name]
    if kind != "inner-product":
        _, kh, kw, _ = weights.shape
        attrs = {**WINDOW, "kernel": [kw, kh], "pad_mode": "FLOOR", **attrs}
    tensor = Tensor(name, (*before[:-1], channels))
    return graph.add(Op(name, kind, tensor, args, attrs))


def add_fix(graph: Graph, source: str, position: int | None, role: str = "output") -> Op:
    """Put a fix op behind an op or constant and make its users use it."""
    name = f"{source}_fix"
    constant = graph.op(source).data is not None
    attrs: dict[str, Any] = {
        METHOD: "min-mse",
        LAYER: source.rpartition("/")[0] if constant else source,
        ROLE: role,
        "bit_width": 8,
        "if_signed": True,
        "round_mode": "PY3_ROUND" if constant else "DPU_ROUND",
    }
    if position is not None:
        attrs["fix_point"] = position
    tensor = Tensor(name, graph.op(source).tensor.dims)
    fix = graph.add(Op(name, "fix", tensor, {"input": [source]}, attrs))
    graph.redirect(source, name, keep=(name,))
    graph.sort()
    return fix


def position_of(graph: Graph, source: str) -> int:
    """Return the position of the fix op that add_fix put behind `source`."""
    return int(graph.op(f"{source}_fix").attrs["fix_point"])


def run_op(
    kind: str,
    dims: tuple[int, ...],
    inputs: dict[str, list[tuple[np.ndarray, int]]],
    output_fix: int | None = None,
    **attrs: Any,
) -> np.ndarray:
    """Execute one op.

    Args:
        kind: Its type.
        dims: Of its tensor.
        inputs: Values and fix point of each input, by argument.
        output_fix: Fix point of its tensor; None for a float op.
        attrs: Its attributes.
    """
    tensor_attrs = {} if output_fix is None else {"fix_point": output_fix}
    op = Op("it", kind, Tensor("it", dims, "xint8", tensor_attrs), {}, attrs)
    tensors = {
        arg: [
            Tensor(f"{arg}{i}", v.shape, "xint8", {"fix_point": f}) for i, (v, f) in enumerate(vs)
        ]
        for arg, vs in inputs.items()
    }
    values = {arg: [value for value, _ in pairs] for arg, pairs in inputs.items()}
    return OPS[kind](Call(op, tensors, values, {}))
