"""Read the protobuf message `serial_v2.Graph` of an .xmodel file into plain dicts, lists and ints.

Must not import host, target, numpy or a protobuf library: it is the second opinion on the reader.
Source: the protobuf wire format; the message and field numbers of AMD's xir (graph_proto_v2).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

# message -> field number -> (key in the dict, "one" | "many" | "map", type of the value).
# A map is a repeated entry {key = 1; value = 2}; the type given here is that of its value.
MESSAGES: dict[str, dict[int, tuple[str, str, str]]] = {
    "Graph": {
        1: ("name", "one", "string"),
        5: ("ops", "many", "OPNode"),
        10: ("root", "one", "SubGraph"),
        11: ("attrs", "map", "AttrValue"),
    },
    "OPNode": {
        1: ("name", "one", "string"),
        2: ("type", "one", "string"),
        3: ("attrs", "map", "AttrValue"),
        4: ("args", "many", "OpArg"),
        5: ("tensor", "one", "Tensor"),
    },
    "OpArg": {1: ("name", "one", "string"), 2: ("ops", "many", "string")},
    "Tensor": {
        1: ("name", "one", "string"),
        2: ("dims", "many", "uint32"),
        5: ("data_type", "one", "int32"),
        6: ("bit_width", "one", "int32"),
        10: ("attrs", "map", "AttrValue"),
    },
    "SubGraph": {
        1: ("name", "one", "string"),
        3: ("ops", "many", "string"),
        5: ("attrs", "map", "AttrValue"),
        10: ("children", "many", "SubGraph"),
    },
    "AttrValue": {
        4: ("value", "one", "bool"),
        5: ("value", "one", "int32"),
        6: ("value", "one", "uint32"),
        7: ("value", "one", "int64"),
        8: ("value", "one", "uint64"),
        9: ("value", "one", "float"),
        10: ("value", "one", "double"),
        11: ("value", "one", "string"),
        12: ("value", "one", "Bytes"),
        13: ("value", "one", "BoolVec"),
        14: ("value", "one", "Int32Vec"),
        15: ("value", "one", "Uint32Vec"),
        16: ("value", "one", "Int64Vec"),
        17: ("value", "one", "Uint64Vec"),
        18: ("value", "one", "FloatVec"),
        19: ("value", "one", "DoubleVec"),
        20: ("value", "one", "StringVec"),
        21: ("value", "one", "BytesVec"),
        22: ("value", "one", "MapInt32"),
        23: ("value", "one", "MapUint32"),
        24: ("value", "one", "MapInt64"),
        25: ("value", "one", "MapUint64"),
        26: ("value", "one", "MapString"),
        27: ("value", "one", "MapBytes"),
        28: ("value", "one", "MapInt32Vec"),
        29: ("value", "one", "MapUint32Vec"),
        30: ("value", "one", "MapInt64Vec"),
        31: ("value", "one", "MapUint64Vec"),
        32: ("value", "one", "MapStringVec"),
    },
    "Bytes": {1: ("value", "one", "bytes")},
    "BoolVec": {1: ("value", "many", "bool")},
    "Int32Vec": {1: ("value", "many", "int32")},
    "Uint32Vec": {1: ("value", "many", "uint32")},
    "Int64Vec": {1: ("value", "many", "int64")},
    "Uint64Vec": {1: ("value", "many", "uint64")},
    "FloatVec": {1: ("value", "many", "float")},
    "DoubleVec": {1: ("value", "many", "double")},
    "StringVec": {1: ("value", "many", "string")},
    "BytesVec": {1: ("value", "many", "bytes")},
    "MapInt32": {1: ("value", "map", "int32")},
    "MapUint32": {1: ("value", "map", "uint32")},
    "MapInt64": {1: ("value", "map", "int64")},
    "MapUint64": {1: ("value", "map", "uint64")},
    "MapString": {1: ("value", "map", "string")},
    "MapBytes": {1: ("value", "map", "Bytes")},
    "MapInt32Vec": {1: ("value", "map", "Int32Vec")},
    "MapUint32Vec": {1: ("value", "map", "Uint32Vec")},
    "MapInt64Vec": {1: ("value", "map", "Int64Vec")},
    "MapUint64Vec": {1: ("value", "map", "Uint64Vec")},
    "MapStringVec": {1: ("value", "map", "StringVec")},
}

VARINT, FIXED64, DELIMITED, FIXED32 = 0, 1, 2, 5
WIRE_TYPES = {
    "bool": VARINT,
    "int32": VARINT,
    "uint32": VARINT,
    "int64": VARINT,
    "uint64": VARINT,
    "double": FIXED64,
    "float": FIXED32,
}  # every other type is DELIMITED
ZEROS: dict[str, Any] = {"bool": False, "float": 0.0, "double": 0.0, "string": "", "bytes": b""}


def read_graph(data: bytes) -> dict[str, Any]:
    """Read a whole .xmodel file.

    Args:
        data: The bytes of the file.

    Returns:
        name, attrs, ops (each name, type, attrs, args, tensor) in file order, and root, the
        subgraph tree (each name, attrs, ops, children) or None. The args of an op are a dict from
        argument name to the names of the producing ops; a tensor has name, dims, data_type,
        bit_width and attrs. An attribute is a bare bool, int, float, str, bytes, list or dict.

    Raises:
        ValueError: If the bytes are no such message.
    """
    graph: dict[str, Any] = decode(data, "Graph")
    for op in graph["ops"]:
        args: dict[str, list[str]] = {}
        for arg in op["args"]:
            args.setdefault(arg["name"], []).extend(arg["ops"])
        op["args"] = args
    return graph


def decode(data: bytes, message: str) -> Any:
    """Decode one message; a message whose only key is `value` is returned as that bare value."""
    known = MESSAGES[message]
    result: dict[str, Any] = {}
    for key, how_many, kind in known.values():
        result[key] = {"one": _zero(kind), "many": [], "map": {}}[how_many]
    for number, wire_type, raw in fields(data):
        if number not in known:
            continue
        key, how_many, kind = known[number]
        if how_many == "one":
            result[key] = _value(kind, wire_type, raw, f"{message}.{key}")
        elif how_many == "map":
            name, value = _entry(kind, wire_type, raw, f"{message}.{key}")
            result[key][name] = value
        elif wire_type == DELIMITED and kind in WIRE_TYPES:
            result[key] += [_scalar(kind, item) for item in _unpack(kind, raw)]
        else:
            result[key].append(_value(kind, wire_type, raw, f"{message}.{key}"))
    return result["value"] if set(result) == {"value"} else result


def fields(data: bytes) -> Iterator[tuple[int, int, Any]]:
    """Yield (field number, wire type, raw value): a varint is an int, all others are bytes.

    Raises:
        ValueError: If the bytes end inside a field or a field has no valid wire type or number.
    """
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        number, wire_type = tag >> 3, tag & 7
        if number == 0:
            raise ValueError(f"field number must be positive, got 0 before byte {at}")
        if wire_type == VARINT:
            value, at = read_varint(data, at)
            yield number, wire_type, value
            continue
        if wire_type == DELIMITED:
            size, at = read_varint(data, at)
        elif wire_type in (FIXED32, FIXED64):
            size = 4 if wire_type == FIXED32 else 8
        else:
            raise ValueError(f"wire type must be 0, 1, 2 or 5, got {wire_type} before byte {at}")
        if at + size > len(data):
            raise ValueError(f"field {number} must end within {len(data)} bytes, got {at + size}")
        yield number, wire_type, data[at : at + size]
        at += size


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the unsigned varint at byte `at` and the position behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError(f"varint must end within {len(data)} bytes, got none")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError(f"varint must have at most 10 bytes, got more before byte {at}")


def _zero(kind: str) -> Any:
    """Return what proto3 means by an absent field; an absent message or attribute is None."""
    if kind in MESSAGES:
        return None
    return ZEROS.get(kind, 0)


def _entry(kind: str, wire_type: int, raw: Any, where: str) -> tuple[str, Any]:
    """Decode one entry of a map: its key (always a string) and its value."""
    if wire_type != DELIMITED:
        raise ValueError(f"{where} must have wire type {DELIMITED}, got {wire_type}")
    name = ""
    value = decode(b"", kind) if kind in MESSAGES else _zero(kind)
    for number, entry_wire_type, entry in fields(raw):
        if number == 1:
            name = _value("string", entry_wire_type, entry, where)
        elif number == 2:
            value = _value(kind, entry_wire_type, entry, where)
    return name, value


def _value(kind: str, wire_type: int, raw: Any, where: str) -> Any:
    """Decode one value that is not packed."""
    expected = WIRE_TYPES.get(kind, DELIMITED)
    if wire_type != expected:
        raise ValueError(f"{where} must have wire type {expected}, got {wire_type}")
    return decode(raw, kind) if kind in MESSAGES else _scalar(kind, raw)


def _unpack(kind: str, raw: bytes) -> Iterator[Any]:
    """Yield the raw values of a packed repeated field."""
    if WIRE_TYPES[kind] == VARINT:
        at = 0
        while at < len(raw):
            value, at = read_varint(raw, at)
            yield value
        return
    size = 4 if kind == "float" else 8
    if len(raw) % size:
        raise ValueError(f"packed {kind} must be a multiple of {size} bytes, got {len(raw)}")
    for at in range(0, len(raw), size):
        yield raw[at : at + size]


def _scalar(kind: str, raw: Any) -> Any:
    """Turn a raw varint or raw bytes into a bool, int, float, str or bytes."""
    if kind == "bytes":
        return raw
    if kind == "string":
        return raw.decode("utf-8")
    if kind == "float":
        return struct.unpack("<f", raw)[0]
    if kind == "double":
        return struct.unpack("<d", raw)[0]
    if kind == "bool":
        return raw != 0
    bits = 32 if kind.endswith("32") else 64
    value = raw % 2**bits
    if kind.startswith("int") and value >= 2 ** (bits - 1):
        value -= 2**bits  # two's complement; -1 is written as ten bytes, 64 bits of ones
    return value
