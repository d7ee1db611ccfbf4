"""Facts of a training, however deeply they are nested, as rows of a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from host.report.document import Column, Table, make_table

_LONGEST = 8  # values of a list that are still written out


def facts_table(facts: dict[str, Any]) -> Table:
    """Return every fact with a value as a row."""
    rows = list(_rows(facts, ""))
    return make_table("What was trained", (Column("Fact"), Column("Value")), rows)


def _rows(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _rows(inner, f"{name}, {key}" if name else str(key))
    elif value is not None:
        yield name.replace("_", " "), _written(value)


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, (list, tuple)):
        if len(value) > _LONGEST:
            return f"{len(value)} values"
        return ", ".join(map(_written, value))
    return str(value)
