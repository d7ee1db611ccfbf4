"""Tests of the literal reader of protobuf bytes.

Must not import host, target or a protobuf library.
Source: the protobuf wire format; the message and field numbers of AMD's xir (graph_proto_v2).
"""

from __future__ import annotations

import struct

import pytest

from tests.literal import wire
from tests.literal.written import entry, field, int32_vec


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        pytest.param(field(4, 1), True, id="bool"),
        pytest.param(field(5, 0), 0, id="int32-zero"),
        pytest.param(b"\x28" + b"\xff" * 9 + b"\x01", -1, id="int32-of-ten-bytes"),
        pytest.param(field(5, -128), -128, id="int32-negative"),
        pytest.param(field(6, 2**32 - 1), 2**32 - 1, id="uint32"),
        pytest.param(field(7, -(2**63)), -(2**63), id="int64"),
        pytest.param(field(8, 0x101000056010407), 0x101000056010407, id="uint64"),
        pytest.param(b"\x4d" + struct.pack("<f", -1.5), -1.5, id="float"),
        pytest.param(b"\x51" + struct.pack("<d", 0.1), 0.1, id="double"),
        pytest.param(field(11, "é"), "é", id="string"),
        pytest.param(field(12, field(1, b"\x00\xff")), b"\x00\xff", id="bytes"),
        pytest.param(field(12, b""), b"", id="bytes-empty"),
        pytest.param(int32_vec(3, -1, 300), [3, -1, 300], id="int32-vec-packed"),
        pytest.param(field(14, field(1, 3) + field(1, -1)), [3, -1], id="int32-vec-unpacked"),
        pytest.param(field(14, b""), [], id="int32-vec-empty"),
        pytest.param(field(13, field(1, b"\x01\x00")), [True, False], id="bool-vec"),
        pytest.param(field(18, field(1, struct.pack("<2f", 1, 2))), [1.0, 2.0], id="float-vec"),
        pytest.param(field(19, field(1, struct.pack("<d", 0.1))), [0.1], id="double-vec"),
        pytest.param(field(20, field(1, "a") + field(1, "b")), ["a", "b"], id="string-vec"),
        pytest.param(field(22, entry(1, "k", -2)), {"k": -2}, id="map-int32"),
        pytest.param(field(22, field(1, field(1, "k"))), {"k": 0}, id="map-default-value"),
        pytest.param(field(26, entry(1, "k", "v")), {"k": "v"}, id="map-string"),
        pytest.param(field(27, entry(1, "k", field(1, b"v"))), {"k": b"v"}, id="map-bytes"),
        pytest.param(field(99, 7) + field(5, 4) + field(98, "skip"), 4, id="unknown-fields"),
        pytest.param(b"\xfd\x06abcd" + field(5, 4) + b"\xf9\x06abcdefgh", 4, id="unknown-fixed"),
        pytest.param(b"", None, id="nothing"),
    ],
)
def test_attribute_values_are_decoded(encoded: bytes, expected: object) -> None:
    decoded = wire.decode(encoded, "AttrValue")
    assert decoded == expected
    assert type(decoded) is type(expected)


@pytest.mark.parametrize(
    ("encoded", "message"),
    [
        (b"\x0a\x05abc", "must end within 5 bytes, got 7"),
        (b"\x0a", "varint must end"),
        (b"\x28" + b"\xff" * 11, "at most 10 bytes"),
        (b"\x0b", "wire type must be 0, 1, 2 or 5, got 3"),
        (b"\x02\x00", "field number must be positive"),
        (b"\x08\x01", "Graph.name must have wire type 2, got 0"),
    ],
)
def test_broken_bytes_are_refused(encoded: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wire.read_graph(encoded)
