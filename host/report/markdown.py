"""A report's document as Markdown (GitHub's flavour) for a README, an issue or a terminal.

Every text is escaped here: no value becomes markup. Plots are in the HTML page only.
Must not import TensorFlow.
"""

from __future__ import annotations

import re

from host.report.document import (
    Block,
    Bullets,
    Code,
    Column,
    Document,
    Folded,
    Heading,
    Paragraph,
    Plot,
    Table,
)
from host.report.wording import plain

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def render_markdown(document: Document) -> str:
    """Return the report as Markdown text."""
    parts = [f"# {_text(document.title)}", _text(document.subtitle)]
    for section in document.sections:
        parts.append(f"## {_text(section.title)}")
        blocks = [_block(block) for block in section.blocks]
        parts += [text for text in blocks if text]
    return "\n\n".join(parts) + "\n"


def _text(value: str) -> str:
    text = re.sub(r"[&<>]", lambda found: _ENTITIES[found.group()], plain(value))
    text = re.sub(r"([\\`*\[\]|~])", r"\\\1", text)
    text = re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)  # inside a word it is no emphasis
    return re.sub(r"^([#+-])", r"\\\1", text)


def _block(block: Block) -> str:
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Heading):
        return f"### {_text(block.text)}"
    if isinstance(block, Bullets):
        return "\n".join(f"- {_text(item)}" for item in block.items)
    if isinstance(block, Folded):
        title, text = _text(block.title), _text(block.text)
        return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"
    if isinstance(block, Code):
        return "\n".join(["```sh", *block.lines, "```"])
    if isinstance(block, Plot):
        return f"Plot in report.html: {_text(block.caption)}"
    assert isinstance(block, Paragraph), block
    return _text(block.text)


def _table(table: Table) -> str:
    lines = [f"**{_text(table.caption)}**", ""]
    lines.append(_line([_text(_title(column)) for column in table.columns]))
    lines.append(_line(["---:" if column.numeric else "---" for column in table.columns]))
    lines += [_line([_text(cell) for cell in row]) for row in table.rows]
    for note in table.notes:
        lines += ["", _text(note)]
    return "\n".join(lines)


def _title(column: Column) -> str:
    return f"{column.group}: {column.title}" if column.group else column.title


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
