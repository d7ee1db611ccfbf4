"""What a report consists of: sections of sentences, lists, tables, plots; no HTML or Markdown yet.

Texts are plain strings; only the renderers know markup, and they escape everything.
Imports nothing from the project.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TypeAlias

Cell: TypeAlias = str | None


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        title: Its heading.
        group: Heading above it that it shares with its neighbours; empty for none.
        numeric: Whether it is aligned to the right.
        missing: What a cell without a value shows.
    """

    title: str
    group: str = ""
    numeric: bool = False
    missing: str = "–"


@dataclasses.dataclass(frozen=True)
class Table:
    """A table; the first cell of a row is the row's heading."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Paragraph:
    """Sentences."""

    text: str


@dataclasses.dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Folded:
    """Sentences that a reader opens when they want them.

    Attributes:
        title: Always shown.
        text: Shown when opened; on paper and for machines it is elsewhere.
    """

    title: str
    text: str


@dataclasses.dataclass(frozen=True)
class Heading:
    """The heading of a part of a section."""

    text: str


@dataclasses.dataclass(frozen=True)
class Code:
    """Lines to paste into a shell."""

    lines: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Plot:
    """A picture; the only block whose content is markup already.

    Attributes:
        svg: An `<svg>` element made by host/report/svg.py.
        alt: What the picture shows, for those who do not see it.
        caption: Below the picture.
    """

    svg: str
    alt: str
    caption: str


Block: TypeAlias = Table | Paragraph | Bullets | Folded | Heading | Code | Plot


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of the page with its own heading.

    Attributes:
        name: Anchor, and the class of its box: summary, warnings, latency ...
        title: Its heading.
        blocks: From top to bottom.
    """

    name: str
    title: str
    blocks: tuple[Block, ...]


@dataclasses.dataclass(frozen=True)
class Document:
    """The whole report."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]


def make_table(
    caption: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    notes: Sequence[str] = (),
) -> Table:
    """Return a table without the columns that no row has a value for.

    Args:
        caption: Says what the rows are.
        columns: One per cell of a row.
        rows: Cells from left to right; None where there is no value.
        notes: Sentences below the table.
    """
    kept = [
        index
        for index in range(len(columns))
        if not rows or any(row[index] is not None for row in rows)
    ]
    filled = tuple(
        tuple(columns[index].missing if row[index] is None else str(row[index]) for index in kept)
        for row in rows
    )
    return Table(caption, tuple(columns[index] for index in kept), filled, tuple(notes))
