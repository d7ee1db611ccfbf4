"""A small JSON Schema checker, for the manifest and the run record.

The board has no jsonschema package, so the keywords that the two schemas in target/schemas use are
checked here: type, enum, const, required, properties, additionalProperties (false or a schema),
items, minItems, minimum, exclusiveMinimum, pattern, anyOf. Tests compare every verdict with
jsonschema.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, Optional

_TYPES: Dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
}


def load_schema(name: str) -> Dict[str, Any]:
    """Return the schema `target/schemas/<name>.schema.json`."""
    path = Path(__file__).parent / "schemas" / f"{name}.schema.json"
    schema: Dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema


def find_fault(value: Any, schema: Dict[str, Any], where: str = "") -> Optional[str]:
    """Return the first fault of `value` against `schema` as `<what> must be <rule>, got <value>`.

    Args:
        value: Anything that `json.loads` returns.
        schema: A JSON Schema that uses the keywords named in this module's docstring.
        where: Path of `value` inside the document, for the message.

    Returns:
        The fault, or None if `value` is valid.
    """
    what = where or "document"
    for check in (_type_fault, _value_fault, _object_fault, _array_fault):
        fault = check(value, schema, what, where)
        if fault:
            return fault
    if "anyOf" in schema:
        faults = [find_fault(value, option, where) for option in schema["anyOf"]]
        if all(faults):
            return faults[0]
    return None


def _is_type(value: Any, name: str) -> bool:
    if name in ("integer", "number"):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        return name == "number" or isinstance(value, int) or value.is_integer()
    return isinstance(value, _TYPES[name])


def _equal(value: Any, other: Any) -> bool:
    """Compare two scalars as JSON does: true is not 1."""
    return isinstance(value, bool) == isinstance(other, bool) and bool(value == other)


def _type_fault(value: Any, schema: Dict[str, Any], what: str, where: str) -> Optional[str]:
    names = schema.get("type", [])
    names = [names] if isinstance(names, str) else names
    if names and not any(_is_type(value, name) for name in names):
        return f"{what} must be {' or '.join(names)}, got {_short(value)}"
    return None


def _value_fault(value: Any, schema: Dict[str, Any], what: str, where: str) -> Optional[str]:
    if "const" in schema and not _equal(value, schema["const"]):
        return f"{what} must be {schema['const']!r}, got {_short(value)}"
    if "enum" in schema and not any(_equal(value, option) for option in schema["enum"]):
        return f"{what} must be one of {schema['enum']}, got {_short(value)}"
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        return f"{what} must match {schema['pattern']}, got {_short(value)}"
    if _is_type(value, "number"):
        if "minimum" in schema and value < schema["minimum"]:
            return f"{what} must be at least {schema['minimum']}, got {value}"
        if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
            return f"{what} must be more than {schema['exclusiveMinimum']}, got {value}"
    return None


def _object_fault(value: Any, schema: Dict[str, Any], what: str, where: str) -> Optional[str]:
    if not isinstance(value, dict):
        return None
    for key in schema.get("required", []):
        if key not in value:
            return f"{what} must have a '{key}', got {sorted(value)}"
    known = schema.get("properties", {})
    extra = schema.get("additionalProperties", True)
    for key, item in value.items():
        inner = f"{where}.{key}" if where else str(key)
        if key in known:
            fault = find_fault(item, known[key], inner)
        elif extra is False:
            fault = f"{what} must have no '{key}', got {_short(item)}"
        else:
            fault = find_fault(item, extra, inner) if isinstance(extra, dict) else None
        if fault:
            return fault
    return None


def _array_fault(value: Any, schema: Dict[str, Any], what: str, where: str) -> Optional[str]:
    if not isinstance(value, list):
        return None
    if len(value) < schema.get("minItems", 0):
        return f"{what} must have at least {schema['minItems']} items, got {len(value)}"
    if "items" in schema:
        for index, item in enumerate(value):
            fault = find_fault(item, schema["items"], f"{where}[{index}]")
            if fault:
                return fault
    return None


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
