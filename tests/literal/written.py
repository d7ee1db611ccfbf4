"""Write the protobuf bytes of small models by hand, for the tests of the literal interpreter.

Must not import host, target, wire.py or a protobuf library.
Source: the protobuf wire format; the message and field numbers of AMD's xir (graph_proto_v2).
"""

from __future__ import annotations


def varint(value: int) -> bytes:
    """Encode a varint; negative values as 64 bits of two's complement."""
    value %= 2**64
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def field(number: int, value: int | bytes | str) -> bytes:
    """Encode one field: an int as a varint, everything else with its length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def entry(number: int, key: str, value: int | bytes | str) -> bytes:
    """Encode one entry of a map field."""
    return field(number, field(1, key) + field(2, value))


def int32_vec(*values: int) -> bytes:
    """Encode an attribute that is a packed vector of int32."""
    return field(14, field(1, b"".join(varint(value) for value in values)))


def written_op(
    name: str,
    kind: str,
    dims: list[int],
    args: dict[str, str] | None = None,
    *,
    attrs: bytes = b"",
    numbers: dict[str, int],
) -> bytes:
    """Encode an OPNode as a field of the graph.

    Its tensor is called <name>_t and has `numbers` as its int32 attributes.
    """
    tensor = field(1, f"{name}_t") + field(2, b"".join(varint(size) for size in dims))
    for key, value in numbers.items():
        tensor += entry(10, key, field(5, value))
    node = field(1, name) + field(2, kind) + attrs
    for key, producer in (args or {}).items():
        node += field(4, field(1, key) + field(2, producer))
    return field(5, node + field(5, tensor))


def written_model(last_op: bytes, last_name: str) -> bytes:
    """Encode data-fix -> upload -> conv2d-fix -> the given op -> download, in two leaves."""
    attrs = entry(3, "kernel", int32_vec(2, 1)) + entry(3, "stride", int32_vec(1, 1))
    attrs += entry(3, "nonlinear", field(11, "LEAKYRELU"))
    weights = {"fix_point": 0, "reg_id": 0, "ddr_addr": 3}
    at = {"fix_point": -1}
    conv_args = {"input": "up", "weights": "w"}
    leaves = field(10, field(1, "leaf") + field(3, "up") + field(3, "w") + field(3, "conv"))
    leaves += field(10, field(1, "tail") + field(3, last_name) + field(3, "down"))
    registers = field(27, entry(1, "REG_0", field(1, bytes([1, 2, 3, 255, 2, 9]))))
    dpu = leaves + entry(5, "device", field(11, "DPU"))
    dpu += entry(5, "reg_id_to_parameter_value", registers)
    user = field(3, "in") + entry(5, "device", field(11, "USER"))
    return b"".join(
        [
            field(1, "tiny"),
            written_op("in", "data-fix", [1, 1, 3, 1], numbers=at),
            written_op("up", "upload", [1, 1, 3, 1], {"input": "in"}, numbers=at),
            written_op("w", "const-fix", [1, 1, 2, 1], numbers=weights),
            written_op("conv", "conv2d-fix", [1, 1, 2, 1], conv_args, attrs=attrs, numbers=at),
            last_op,
            written_op("down", "download", [1, 2], {"input": last_name}, numbers=at),
            field(10, field(1, "root") + field(10, user) + field(10, dpu)),
        ]
    )
