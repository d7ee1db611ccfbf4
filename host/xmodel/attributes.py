"""Attribute values: protobuf's AttrValue to and from plain Python values."""

from __future__ import annotations

from typing import Any

from host.xmodel import schema
from target.errors import ModelError

# All integers of real files are int32, except these.
_UINT64 = {"dpu_fingerprint", "workload", "workload_on_arch"}
_LISTS = dict(schema.ATTR_LISTS.values())
_MAPS = dict(schema.ATTR_MAPS.values())


def read_attrs(message: Any) -> dict[str, Any]:
    """Return a map<string, AttrValue> as a dict of bool, int, float, str, bytes, list and dict."""
    return {str(key): _read_value(value) for key, value in sorted(message.items())}


def _read_value(value: Any) -> Any:
    field = value.WhichOneof("value")
    if field is None:
        return None
    content = getattr(value, field)
    if field == schema.BYTES_FIELD:
        return content.value
    if field == schema.BYTES_LIST_FIELD:
        return [item.value for item in content.value]
    if field == schema.BYTES_MAP_FIELD:
        return {str(key): item.value for key, item in sorted(content.value.items())}
    if field in _LISTS:
        return list(content.value)
    if field in _MAPS:
        return {str(key): item for key, item in sorted(content.value.items())}
    return content


def write_attrs(message: Any, attrs: dict[str, Any], owner: str) -> None:
    """Fill a map<string, AttrValue> from a dict, leaving out None and keys that begin with `__`.

    Args:
        message: The protobuf map.
        attrs: Plain values; integers become int32, or uint64 for the keys that xir wants so.
        owner: For messages.

    Raises:
        ModelError: If a value has no counterpart in the file format.
    """
    for key, value in attrs.items():
        if value is not None and not key.startswith("__"):
            _write_value(message[key], key, value, owner)


def _write_value(target: Any, key: str, value: Any, owner: str) -> None:
    if isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int):
        _write_integer(target, key, value, owner)
    elif isinstance(value, float):
        target.float_value = value
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, bytes):
        target.bytes_value.value = value
    elif isinstance(value, (list, tuple)):
        _write_list(target, key, list(value), owner)
    elif isinstance(value, dict):
        _write_map(target, key, value, owner)
    else:
        raise _unsupported(key, value, owner)


def _is_int32(value: Any) -> bool:
    return isinstance(value, int) and -(2**31) <= value < 2**31


def _write_integer(target: Any, key: str, value: int, owner: str) -> None:
    if key in _UINT64 and 0 <= value < 2**64:
        target.uint64_value = value
    elif _is_int32(value):
        target.int32_value = value
    else:
        raise _unsupported(key, value, owner)


def _write_list(target: Any, key: str, items: list[Any], owner: str) -> None:
    if all(isinstance(item, str) for item in items):
        target.string_vec_value.SetInParent()
        target.string_vec_value.value.extend(items)
    elif all(isinstance(item, bool) for item in items):
        target.bool_vec_value.value.extend(items)
    elif all(_is_int32(item) for item in items):
        target.int32_vec_value.value.extend(items)
    elif all(isinstance(item, float) or _is_int32(item) for item in items):
        target.float_vec_value.value.extend(items)
    else:
        raise _unsupported(key, items, owner)


def _write_map(target: Any, key: str, items: dict[str, Any], owner: str) -> None:
    if all(isinstance(item, bytes) for item in items.values()) and items:
        for name, item in items.items():
            target.map_string_2_bytes_value.value[name].value = item
    elif all(isinstance(item, str) for item in items.values()):
        target.map_string_2_string_value.SetInParent()
        target.map_string_2_string_value.value.update(items)
    elif all(_is_int32(item) for item in items.values()):
        target.map_string_2_int32_value.value.update(items)
    else:
        raise _unsupported(key, items, owner)


def _unsupported(key: str, value: Any, owner: str) -> ModelError:
    text = repr(value)
    short = text if len(text) < 60 else text[:57] + "..."
    return ModelError(f"attribute '{key}' of '{owner}' must fit the .xmodel format, got {short}")
