"""Reads an .xmodel file into a Graph and refuses what is not a sound one.

The weights of a compiled file lie in the DPU subgraph's attribute reg_id_to_parameter_value, plain
row-major int8 at each constant's ddr_addr. Source: the format as documented from AMD's xir and
real files.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from host.graph.graph import Graph, Op, Subgraph, Tensor
from host.xmodel.attributes import read_attrs
from host.xmodel.limits import (
    MAX_DIMS,
    MAX_TENSOR_ELEMENTS,
    bare,
    check_attrs,
    check_name,
    check_work,
    short,
)
from host.xmodel.schema import GraphMessage
from target.errors import ModelError

DATA_TYPES = {0: "int", 1: "uint", 2: "xint", 3: "xuint", 4: "float", 5: "bfloat", 6: "unknown"}
_CONSTANTS = ("const", "const-fix")
MAX_SUBGRAPH_DEPTH = 8
FAMILY = "DPUCZDX8G"


def read_xmodel(path: Path) -> Graph:
    """Read a file.

    Args:
        path: A compiled .xmodel of any release, or a quantized one that is not compiled yet.

    Returns:
        The graph; every constant that has values carries them in `Op.data`.

    Raises:
        ModelError: If it is not an .xmodel, is inconsistent, or is for another DPU.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"model file must be readable, got '{error.strerror}' at {path}"
        ) from error
    message = GraphMessage()
    try:
        message.ParseFromString(content)
    except DecodeError as error:
        raise ModelError(
            f"model file must be an .xmodel, got {len(content)} bytes that are not one in {path}"
        ) from error
    if not message.op_node:
        raise ModelError(f"model file must hold ops, got none in {path}")
    try:
        return _graph(message)
    except ModelError as error:
        raise ModelError(f"{error} in {path}") from error


def _graph(message: Any) -> Graph:
    check_name(message.graph_name, "graph")
    graph = Graph(message.graph_name)
    graph.attrs = _attrs(message.graph_attr)
    _check_names(message)
    _check_order(message)
    for node in message.op_node:
        graph.add(_op(node))
    check_work(graph)
    if message.HasField("subg_root"):
        graph.root = _subgraph(message.subg_root, graph, 0)
        _check_partition(graph)
        for subgraph in graph.subgraphs("DPU"):
            _check_device(subgraph)
            _bind_weights(graph, subgraph)
    return graph


def _check_names(message: Any) -> None:
    ops: set[str] = set()
    tensors: set[str] = set()
    for node in message.op_node:
        name, tensor = node.op_name, node.output_tensor.tensor_name
        check_name(name, "op")
        check_name(node.op_type, "a type of op")
        if not name or not node.op_type:
            raise ModelError(
                f"op must have a name and a type, got name '{name}' type '{node.op_type}'"
            )
        check_name(tensor, f"the tensor of op '{name}'")
        for what, one, taken in (("op", name, ops), ("tensor", tensor, tensors)):
            if one in taken:
                raise ModelError(f"{what} names must be unique, got '{one}' twice")
            taken.add(one)


def _check_order(message: Any) -> None:
    """Say 'cycle' or 'order' rather than 'no such op' when an input comes later than its user."""
    places = {node.op_name: place for place, node in enumerate(message.op_node)}
    for place, node in enumerate(message.op_node):
        for arg in node.args:
            for name in arg.arg_ops:
                check_name(name, f"an input of op '{node.op_name}'")
                if places.get(name, -1) >= place:
                    raise ModelError(
                        "ops must stand in topological order without cycles,"
                        f" got input '{name}' of op '{node.op_name}' behind it"
                    )


def _op(node: Any) -> Op:
    name, attrs = node.op_name, _attrs(node.op_attr)
    op = Op(name, node.op_type, _tensor(node.output_tensor, name), {}, attrs)
    if not op.tensor.dims and op.type not in _CONSTANTS:
        raise ModelError(f"tensor of op '{name}' must have dims, got none")
    check_attrs(op)
    for arg in node.args:
        check_name(arg.arg_name, f"an argument of op '{name}'")
        if arg.arg_name in op.args:
            raise ModelError(f"arguments of op '{name}' must be unique, got '{arg.arg_name}' twice")
        op.args[arg.arg_name] = list(arg.arg_ops)
    raw = attrs.get("data")
    if op.type in _CONSTANTS and isinstance(raw, bytes) and raw:
        attrs["data"] = b""
        op.data = _constant(raw, op.tensor, name)
    return op


def _attrs(message: Any) -> dict[str, Any]:
    """Return attributes; those without a value are as good as missing."""
    return {key: value for key, value in read_attrs(message).items() if value is not None}


def _tensor(message: Any, op_name: str) -> Tensor:
    dims = tuple(int(dim) for dim in message.tensor_dim)
    if len(dims) > MAX_DIMS:
        raise ModelError(
            f"tensor of op '{op_name}' must have at most {MAX_DIMS} dims, got {len(dims)}"
        )
    if any(dim <= 0 for dim in dims) or math.prod(dims) > MAX_TENSOR_ELEMENTS:
        raise ModelError(
            f"tensor of op '{op_name}' must have 1 to {MAX_TENSOR_ELEMENTS} elements,"
            f" got dims {list(dims)}"
        )
    kind = DATA_TYPES.get(message.data_type)
    if kind is None or not 1 <= message.tensor_bit_width <= 64:
        raise ModelError(
            f"tensor of op '{op_name}' must have a known type, got data_type {message.data_type}"
            f" with {message.tensor_bit_width} bits"
        )
    return Tensor(
        message.tensor_name,
        dims,
        f"{kind}{message.tensor_bit_width}",
        _attrs(message.tensor_attr),
    )


def _constant(raw: bytes, tensor: Tensor, name: str) -> np.ndarray:
    kinds = {
        "float32": "<f4",
        "float64": "<f8",
        "xint8": "i1",
        "int8": "i1",
        "int32": "<i4",
        "int64": "<i8",
    }
    if tensor.dtype not in kinds:
        raise ModelError(f"constant '{name}' must be one of {sorted(kinds)}, got {tensor.dtype}")
    values = np.frombuffer(raw, dtype=kinds[tensor.dtype]) if _fits(raw, tensor, kinds) else None
    if values is None:
        raise ModelError(
            f"constant '{name}' must have {math.prod(tensor.dims)} {tensor.dtype} values,"
            f" got {len(raw)} bytes"
        )
    return values.reshape(tensor.dims)


def _fits(raw: bytes, tensor: Tensor, kinds: dict[str, str]) -> bool:
    return len(raw) == math.prod(tensor.dims) * np.dtype(kinds[tensor.dtype]).itemsize


def _subgraph(message: Any, graph: Graph, depth: int) -> Subgraph:
    if depth > MAX_SUBGRAPH_DEPTH:
        raise ModelError(f"subgraphs must be at most {MAX_SUBGRAPH_DEPTH} deep, got more")
    check_name(message.subgraph_name, "subgraph")
    for name in message.op_name:
        check_name(name, "an op in a subgraph")
        graph.op(name)
    return Subgraph(
        message.subgraph_name,
        _attrs(message.subg_attr),
        list(message.op_name),
        [_subgraph(child, graph, depth + 1) for child in message.subg_child],
    )


def _check_partition(graph: Graph) -> None:
    seen: dict[str, str] = {}
    for subgraph in graph.subgraphs():
        for name in subgraph.all_ops():
            if name in seen:
                raise ModelError(
                    f"op '{name}' must be in one subgraph, got '{seen[name]}' and '{subgraph.name}'"
                )
            seen[name] = subgraph.name


def _check_device(subgraph: Subgraph) -> None:
    name = str(subgraph.attrs.get("dpu_name", FAMILY))
    if not name.startswith(FAMILY):
        fingerprint = subgraph.attrs.get("dpu_fingerprint")
        number = f"{fingerprint:#x}" if isinstance(fingerprint, int) else "unknown"
        raise ModelError(
            f"DPU must be a {FAMILY}, got {bare(name)} (fingerprint {number})"
            f" in subgraph '{subgraph.name}'; compile for the board's arch.json"
        )


def _bind_weights(graph: Graph, subgraph: Subgraph) -> None:
    blobs = subgraph.attrs.get("reg_id_to_parameter_value")
    blobs = blobs if isinstance(blobs, dict) else {}
    for name in subgraph.all_ops():
        op = graph.op(name)
        if op.type != "const-fix" or op.data is not None:
            continue
        register = f"REG_{op.tensor.attrs.get('reg_id', 0)}"
        blob = blobs.get(register)
        if not isinstance(blob, bytes):
            raise ModelError(
                f"weights of op '{name}' must be in {register} of subgraph '{subgraph.name}',"
                f" got registers {short(sorted(blobs))}"
            )
        start = op.tensor.attrs.get("ddr_addr")
        count = math.prod(op.tensor.dims)
        if not isinstance(start, int) or start < 0 or start + count > len(blob):
            raise ModelError(
                f"weights of op '{name}' must lie within the {len(blob)} bytes of {register},"
                f" got {count} bytes at {bare(start)}"
            )
        op.data = np.frombuffer(blob, np.int8, count, start).reshape(op.tensor.dims)
