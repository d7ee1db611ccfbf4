"""Writes a Graph as an .xmodel file that AMD's xir loads.

Deterministic: the same graph gives the same bytes. `op_defs` is left out; xir has its own.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from host.graph.graph import Graph, Op, Subgraph
from host.xmodel.attributes import write_attrs
from host.xmodel.definitions import complete
from host.xmodel.reader import DATA_TYPES
from host.xmodel.schema import GraphMessage
from target import files
from target.errors import ModelError

_TYPE_NUMBERS = {name: number for number, name in DATA_TYPES.items()}


def write_xmodel(graph: Graph, path: Path) -> None:
    """Write a graph, whole or not at all.

    Constants with a reg_id are written without data: their bytes are in the DPU subgraph's
    reg_id_to_parameter_value, which the compiler has filled.

    Raises:
        ModelError: If something has no place in the format, or lacks what AMD's xir demands.
        OutputError: If the file cannot be written.
    """
    files.write_bytes(path, serialize(graph))


def serialize(graph: Graph) -> bytes:
    """Return the bytes of the file."""
    message = GraphMessage(graph_name=graph.name)
    write_attrs(message.graph_attr, graph.attrs, graph.name)
    for op in graph:
        _write_op(message.op_node.add(), op)
    if graph.root is not None:
        _write_subgraph(message.subg_root, graph.root)
    return bytes(message.SerializeToString(deterministic=True))


def _write_op(node: Any, op: Op) -> None:
    node.op_name = op.name
    node.op_type = op.type
    attrs = complete(op)
    if op.data is not None:
        packed = op.type == "const-fix" and "reg_id" in op.tensor.attrs
        attrs["data"] = b"" if packed else op.data.tobytes()
    write_attrs(node.op_attr, attrs, op.name)
    for arg, names in op.args.items():
        node.args.add(arg_name=arg, arg_ops=names)
    match = re.fullmatch(r"([a-z]+)(\d+)", op.tensor.dtype)
    if match is None or match[1] not in _TYPE_NUMBERS:
        raise ModelError(
            f"tensor of op '{op.name}' must have a known dtype, got '{op.tensor.dtype}'"
        )
    tensor = node.output_tensor
    tensor.tensor_name = op.tensor.name
    tensor.tensor_dim.extend(op.tensor.dims)
    tensor.data_type = _TYPE_NUMBERS[match[1]]
    tensor.tensor_bit_width = int(match[2])
    write_attrs(tensor.tensor_attr, op.tensor.attrs, op.tensor.name)


def _write_subgraph(message: Any, subgraph: Subgraph) -> None:
    message.subgraph_name = subgraph.name
    message.op_name.extend(subgraph.ops)
    write_attrs(message.subg_attr, subgraph.attrs, subgraph.name)
    for child in subgraph.children:
        _write_subgraph(message.subg_child.add(), child)
