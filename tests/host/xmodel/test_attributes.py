from __future__ import annotations

from typing import Any

import pytest

from host.xmodel.attributes import read_attrs, write_attrs
from host.xmodel.schema import GraphMessage
from target.errors import ModelError


def _field(key: str, value: Any) -> str:
    """Return the name of the field that an attribute is written to."""
    message = GraphMessage()
    write_attrs(message.graph_attr, {key: value}, "it")
    return str(message.graph_attr[key].WhichOneof("value"))


def _through(key: str, value: Any) -> Any:
    message = GraphMessage()
    write_attrs(message.graph_attr, {key: value}, "it")
    again = GraphMessage()
    again.ParseFromString(message.SerializeToString())
    return read_attrs(again.graph_attr).get(key)


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (True, "bool_value"),
        (0, "int32_value"),
        (-(2**31), "int32_value"),
        (2**31 - 1, "int32_value"),
        (0.5, "float_value"),
        ("DPU", "string_value"),
        ("", "string_value"),
        (b"\x00\xff", "bytes_value"),
        (b"", "bytes_value"),
        ([1, -2], "int32_vec_value"),
        ([True, False], "bool_vec_value"),
        ([0.5, 1], "float_vec_value"),
        (["a", ""], "string_vec_value"),
        ([], "string_vec_value"),
        ({"REG_0": 5}, "map_string_2_int32_value"),
        ({"REG_0": "CONST"}, "map_string_2_string_value"),
        ({"REG_0": b"\x01"}, "map_string_2_bytes_value"),
        ({}, "map_string_2_string_value"),
    ],
    ids=repr,
)
def test_values_keep_their_kind(value: Any, field: str) -> None:
    assert _field("key", value) == field
    assert _through("key", value) == value
    assert type(_through("key", value)) is type(value)


@pytest.mark.parametrize("key", ["dpu_fingerprint", "workload", "workload_on_arch"])
@pytest.mark.parametrize("value", [0, 7, 0x101000056010407, 2**64 - 1])
def test_three_keys_are_uint64(key: str, value: int) -> None:
    assert _field(key, value) == "uint64_value"
    assert _through(key, value) == value


def test_tuples_become_lists() -> None:
    assert _through("kernel", (3, 2)) == [3, 2]


def test_none_and_private_keys_are_left_out() -> None:
    message = GraphMessage()
    write_attrs(message.graph_attr, {"a": None, "__keras": "ReLU", "b": 1}, "it")
    assert read_attrs(message.graph_attr) == {"b": 1}


@pytest.mark.parametrize(
    "value",
    [
        2**31,
        -(2**31) - 1,
        [2**31],
        [1, 2**40],
        [1, "a"],
        {"a": 2**31},
        {"a": 0.5},
        {"a": b"", "b": 1},
        object,
        1j,
    ],
    ids=repr,
)
def test_what_has_no_counterpart_is_refused(value: Any) -> None:
    with pytest.raises(
        ModelError, match="attribute 'key' of 'it' must fit the .xmodel format, got"
    ):
        _field("key", value)


def test_long_values_are_shortened_in_the_message() -> None:
    with pytest.raises(ModelError, match=r"got \[1, 'xxx.*\.\.\.$") as caught:
        _field("key", [1, "x" * 1000])
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("uint32_value", 2**32 - 1, 2**32 - 1),
        ("int64_value", -(2**63), -(2**63)),
        ("double_value", 0.1, 0.1),
    ],
)
def test_other_scalars_are_read(field: str, value: Any, expected: Any) -> None:
    message = GraphMessage()
    setattr(message.graph_attr["key"], field, value)
    assert read_attrs(message.graph_attr) == {"key": expected}


def test_other_containers_are_read() -> None:
    message = GraphMessage()
    message.graph_attr["longs"].int64_vec_value.value.extend([2**40])
    message.graph_attr["blobs"].bytes_vec_value.value.add(value=b"a")
    message.graph_attr["sizes"].map_string_2_uint64_value.value["x"] = 2**63
    message.graph_attr["nothing"].SetInParent()
    assert read_attrs(message.graph_attr) == {
        "longs": [2**40],
        "blobs": [b"a"],
        "sizes": {"x": 2**63},
        "nothing": None,
    }
