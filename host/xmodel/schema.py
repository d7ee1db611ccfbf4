"""The protobuf messages of an .xmodel file (package serial_v2), built at import, no generated code.

Source: xir's graph_proto_v2.proto (Xilinx/Vitis-AI), as confirmed on files of releases 1.4 to 3.5.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FIELD = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "bool": _FIELD.TYPE_BOOL,
    "int32": _FIELD.TYPE_INT32,
    "uint32": _FIELD.TYPE_UINT32,
    "int64": _FIELD.TYPE_INT64,
    "uint64": _FIELD.TYPE_UINT64,
    "float": _FIELD.TYPE_FLOAT,
    "double": _FIELD.TYPE_DOUBLE,
    "string": _FIELD.TYPE_STRING,
    "bytes": _FIELD.TYPE_BYTES,
}

# AttrValue's oneof: field number, field name, Python-side kind. Lists and maps are wrapped in a
# message whose only field is `value = 1`.
ATTR_SCALARS = {
    4: ("bool_value", "bool"),
    5: ("int32_value", "int32"),
    6: ("uint32_value", "uint32"),
    7: ("int64_value", "int64"),
    8: ("uint64_value", "uint64"),
    9: ("float_value", "float"),
    10: ("double_value", "double"),
    11: ("string_value", "string"),
}
ATTR_LISTS = {
    13: ("bool_vec_value", "bool"),
    14: ("int32_vec_value", "int32"),
    15: ("uint32_vec_value", "uint32"),
    16: ("int64_vec_value", "int64"),
    17: ("uint64_vec_value", "uint64"),
    18: ("float_vec_value", "float"),
    19: ("double_vec_value", "double"),
    20: ("string_vec_value", "string"),
}
ATTR_MAPS = {
    22: ("map_string_2_int32_value", "int32"),
    23: ("map_string_2_uint32_value", "uint32"),
    24: ("map_string_2_int64_value", "int64"),
    25: ("map_string_2_uint64_value", "uint64"),
    26: ("map_string_2_string_value", "string"),
}
BYTES_FIELD = "bytes_value"
BYTES_LIST_FIELD = "bytes_vec_value"
BYTES_MAP_FIELD = "map_string_2_bytes_value"


def _message(file: Any, name: str, fields: list[tuple[str, int, str, bool]]) -> Any:
    """Add a message; a field is (name, number, type, repeated), a capital type is a message."""
    message = file.message_type.add(name=name)
    for field_name, number, kind, repeated in fields:
        _add_field(message, field_name, number, kind, repeated)
    return message


def _add_field(message: Any, name: str, number: int, kind: str, repeated: bool) -> Any:
    label = _FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL
    field = message.field.add(name=name, number=number, label=label)
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type = _FIELD.TYPE_MESSAGE
        field.type_name = f".serial_v2.{kind}"
    return field


def _add_map(message: Any, name: str, number: int, kind: str) -> None:
    """Add `map<string, kind>`: a repeated nested entry message, as protobuf defines maps."""
    entry_name = "".join(part.capitalize() for part in name.split("_")) + "Entry"
    entry = message.nested_type.add(name=entry_name)
    entry.options.map_entry = True
    _add_field(entry, "key", 1, "string", False)
    _add_field(entry, "value", 2, kind, False)
    _add_field(message, name, number, f"{message.name}.{entry_name}", True)


def _add_attr_value(file: Any) -> None:
    attr = file.message_type.add(name="AttrValue")
    attr.oneof_decl.add(name="value")
    members = {number: (field, kind) for number, (field, kind) in ATTR_SCALARS.items()}
    _message(file, "Bytes", [("value", 1, "bytes", False)])
    members[12] = (BYTES_FIELD, "Bytes")
    for number, (field, kind) in ATTR_LISTS.items():
        _message(file, f"{kind.capitalize()}Vec", [("value", 1, kind, True)])
        members[number] = (field, f"{kind.capitalize()}Vec")
    _message(file, "BytesVec", [("value", 1, "Bytes", True)])
    members[21] = (BYTES_LIST_FIELD, "BytesVec")
    for number, (field, kind) in ATTR_MAPS.items():
        name = f"MapString2{kind.capitalize()}"
        _add_map(file.message_type.add(name=name), "value", 1, kind)
        members[number] = (field, name)
    _add_map(file.message_type.add(name="MapString2Bytes"), "value", 1, "Bytes")
    members[27] = (BYTES_MAP_FIELD, "MapString2Bytes")
    for number, (field, kind) in sorted(members.items()):
        _add_field(attr, field, number, kind, False).oneof_index = 0


def _build() -> Any:
    file = descriptor_pb2.FileDescriptorProto(
        name="asl_xir_graph_v2.proto", package="serial_v2", syntax="proto3"
    )
    _add_attr_value(file)
    tensor = _message(
        file,
        "Tensor",
        [
            ("tensor_name", 1, "string", False),
            ("tensor_dim", 2, "uint32", True),
            ("data_type", 5, "int32", False),
            ("tensor_bit_width", 6, "int32", False),
        ],
    )
    _add_map(tensor, "tensor_attr", 10, "AttrValue")
    _message(file, "OpArg", [("arg_name", 1, "string", False), ("arg_ops", 2, "string", True)])
    op_node = _message(
        file,
        "OPNode",
        [
            ("op_name", 1, "string", False),
            ("op_type", 2, "string", False),
            ("args", 4, "OpArg", True),
            ("output_tensor", 5, "Tensor", False),
        ],
    )
    _add_map(op_node, "op_attr", 3, "AttrValue")
    subgraph = _message(
        file,
        "SubGraph",
        [
            ("subgraph_name", 1, "string", False),
            ("op_name", 3, "string", True),
            ("subg_child", 10, "SubGraph", True),
        ],
    )
    _add_map(subgraph, "subg_attr", 5, "AttrValue")
    graph = _message(
        file,
        "Graph",
        [
            ("graph_name", 1, "string", False),
            ("op_node", 5, "OPNode", True),
            ("subg_root", 10, "SubGraph", False),
        ],
    )
    _add_map(graph, "graph_attr", 11, "AttrValue")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("serial_v2.Graph"))


GraphMessage: Any = _build()
