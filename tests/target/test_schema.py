"""Every verdict of our small checker is compared with that of the package jsonschema."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from target.schema import find_fault, load_schema
from tests.target import documents

DOCUMENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "model": documents.manifest,
    "record": documents.record,
}
REPLACEMENTS: list[Any] = [
    None, True, False, 0, 1, -1, 1.0, 0.5, -0.5, 10**400, "", "x", "A", "0x1", "0" * 64, [], [1],
    ["A"], [None], {}, {"x": 1}, documents.SUMMARY,
]  # fmt: skip


def _agree(value: Any, schema: dict[str, Any]) -> bool:
    """Return the common verdict; fail if there is none."""
    fault = find_fault(value, schema)
    valid = Draft202012Validator(schema).is_valid(value)
    assert (fault is None) == valid, f"{fault} for {value}"
    return valid


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value inside a document."""
    if not isinstance(value, (dict, list)):
        return
    for key, child in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, key)
        yield from _places(child, (*path, key))


def _holder(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path[:-1]:
        document = document[key]
    return document


@pytest.mark.parametrize("name", DOCUMENTS)
def test_schemas_are_valid_schemas(name: str) -> None:
    schema = load_schema(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]


def test_schemas_use_only_keywords_that_the_checker_knows() -> None:
    known = {
        "$schema", "title", "type", "enum", "const", "required", "properties",
        "additionalProperties", "items", "minItems", "minimum", "exclusiveMinimum", "pattern",
        "anyOf",
    }  # fmt: skip

    def check(schema: Any) -> None:
        if not isinstance(schema, dict):
            return
        assert set(schema) <= known
        for option in schema.get("anyOf", []):
            check(option)
        for inner in (*schema.get("properties", {}).values(), schema.get("items")):
            check(inner)
        check(schema.get("additionalProperties"))

    for name in DOCUMENTS:
        check(load_schema(name))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_valid_documents_are_valid(name: str) -> None:
    assert _agree(DOCUMENTS[name](), load_schema(name))


@pytest.mark.parametrize("value", [None, [], "x", 1, {}], ids=repr)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_other_documents_are_not(name: str, value: Any) -> None:
    assert not _agree(value, load_schema(name))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_verdict_on_every_replaced_value_is_jsonschemas(name: str) -> None:
    schema, original = load_schema(name), DOCUMENTS[name]()
    verdicts = []
    for path in _places(original):
        for value in REPLACEMENTS:
            document = copy.deepcopy(original)
            _holder(document, path)[path[-1]] = value
            verdicts.append(_agree(document, schema))
    assert 100 < sum(verdicts) < len(verdicts) - 100  # both verdicts occur often


@pytest.mark.parametrize("name", DOCUMENTS)
def test_verdict_on_every_removed_and_added_key_is_jsonschemas(name: str) -> None:
    schema, original = load_schema(name), DOCUMENTS[name]()
    verdicts = []
    for path in _places(original):
        document = copy.deepcopy(original)
        del _holder(document, path)[path[-1]]
        verdicts.append(_agree(document, schema))
        document = copy.deepcopy(original)
        holder = _holder(document, path)
        if isinstance(holder, dict):
            holder["surprise"] = "x"
            verdicts.append(_agree(document, schema))
    assert True in verdicts and False in verdicts


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_verdict_on_random_replacements_is_jsonschemas(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(DOCUMENTS)))
    document = DOCUMENTS[name]()
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(list(_places(document))))
        _holder(document, path)[path[-1]] = data.draw(_JSON)
    _agree(document, load_schema(name))


KEYWORDS: list[tuple[dict[str, Any], list[Any]]] = [
    ({"const": 1}, [1, 1.0, True, 2, "1", None]),
    ({"const": True}, [True, 1, False]),
    ({"enum": ["a", 0, False, None]}, ["a", 0, 0.0, False, None, "", 1, True, []]),
    ({"type": "integer"}, [1, 1.0, 1.5, True, 10**400, float("inf"), "1"]),
    ({"type": "number"}, [1, 1.5, False, None]),
    ({"type": ["string", "null"], "pattern": "^[A-Z]$"}, ["A", "AB", "a", None, 1]),
    ({"pattern": "b"}, ["abc", "ac", 7]),
    ({"minimum": 0}, [0, -0.0, -1, 0.1, "x", True, False]),
    ({"exclusiveMinimum": 0}, [0, 1e-9, -1, True, False]),
    ({"items": {"type": "integer"}, "minItems": 2}, [[], [1], [1, 2], [1, "x"], {}]),
    ({"required": ["a"], "additionalProperties": False, "properties": {"a": {"minimum": 3}}},
     [{}, {"a": 3}, {"a": 2}, {"a": 3, "b": 1}, [], "x"]),
    ({"additionalProperties": {"type": "string"}}, [{}, {"a": "x"}, {"a": 1}]),
    ({"anyOf": [{"type": "null"}, {"minimum": 2}]}, [None, 2, 1, "x"]),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "values"), KEYWORDS, ids=[json.dumps(k[0]) for k in KEYWORDS])
def test_verdict_on_each_keyword_is_jsonschemas(schema: dict[str, Any], values: list[Any]) -> None:
    verdicts = [_agree(value, schema) for value in values]
    assert True in verdicts and False in verdicts


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        (("schema",), True, "schema must be 1, got true"),
        (("name",), "a b", 'name must match ^[A-Za-z0-9][A-Za-z0-9_.-]*$, got "a b"'),
        (("input", "height"), "28", 'input.height must be integer, got "28"'),
        (("input", "scale"), 0, "input.scale must be more than 0, got 0"),
        (("output", "classes", 3), "dd", 'output.classes[3] must match ^[A-Z]$, got "dd"'),
        (("output", "classes"), [], "output.classes must have at least 1 items, got 0"),
        (("toolchain", "name"), "gcc", "toolchain.name must be one of ['builtin', 'vitis'], got"),
        (("files",), {}, "files must have a 'xmodel', got []"),
        (("accuracy", "n"), 0, "accuracy must be null, got"),
        (("target",), "x" * 100, None),
        (("target",), ["x" * 100], 'target must be string, got ["' + "x" * 55 + "..."),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else None,
)
def test_fault_names_place_rule_and_value(
    path: tuple[Any, ...], value: Any, fault: str | None
) -> None:
    document = documents.manifest()
    _holder(document, path)[path[-1]] = value
    found = find_fault(document, load_schema("model"))
    assert (found is None) if fault is None else str(found).startswith(fault)


def test_fault_of_the_whole_document_is_called_document() -> None:
    assert find_fault([], load_schema("record")) == "document must be object, got []"
