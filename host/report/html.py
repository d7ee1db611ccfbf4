"""A report's document as one HTML page that loads nothing: styles and plots are inside.

Every text is escaped here and nowhere else. Must not import TensorFlow.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from string import Template

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
    Section,
    Table,
)
from host.report.wording import plain

_CSS = Path(__file__).with_name("report.css")
_LONG = 18  # letters
_UNIT = re.compile(r"(?<=\d) (?=(?:%|ms|mJ|W|s)(?:\W|$))")
_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<style>
$css
</style>
</head>
<body>
<header>
<h1>$title</h1>
<p class="subtitle">$subtitle</p>
<nav aria-label="Sections">
$links
</nav>
</header>
<main>
$sections
</main>
</body>
</html>
""")


def render_html(document: Document) -> str:
    """Return the whole page."""
    links = " ".join(
        f'<a href="#{section.name}">{_text(section.title)}</a>' for section in document.sections
    )
    return _PAGE.substitute(
        title=_text(document.title),
        subtitle=_text(document.subtitle),
        css=_CSS.read_text(encoding="utf-8").strip(),
        links=links,
        sections="\n".join(_section(section) for section in document.sections),
    )


def _text(value: str) -> str:
    """Escape a text; a number and its unit stay on one line."""
    return _UNIT.sub("&nbsp;", escape(plain(value), quote=True))


def _section(section: Section) -> str:
    name = section.name
    blocks = "\n".join(_blocks(section.blocks))
    return (
        f'<section id="{name}" class="{name}" aria-labelledby="{name}-title">\n'
        f'<h2 id="{name}-title">{_text(section.title)}</h2>\n{blocks}\n</section>'
    )


def _blocks(blocks: tuple[Block, ...]) -> Iterator[str]:
    """Yield each block; plots that follow each other share a row where there is room."""
    for is_plot, group in itertools.groupby(blocks, lambda block: isinstance(block, Plot)):
        rendered = "\n".join(_block(block) for block in group)
        yield f'<div class="plots">\n{rendered}\n</div>' if is_plot else rendered


def _block(block: Block) -> str:
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Plot):
        return _plot(block)
    if isinstance(block, Heading):
        return f"<h3>{_text(block.text)}</h3>"
    if isinstance(block, Bullets):
        return "<ul>" + "".join(f"<li>{_text(item)}</li>" for item in block.items) + "</ul>"
    if isinstance(block, Folded):
        title, text = _text(block.title), _text(block.text)
        return f"<details><summary>{title}</summary><p>{text}</p></details>"
    if isinstance(block, Code):
        lines = escape("\n".join(block.lines))
        return f'<pre tabindex="0" aria-label="Commands"><code>{lines}</code></pre>'
    assert isinstance(block, Paragraph), block
    return f"<p>{_text(block.text)}</p>"


def _plot(plot: Plot) -> str:
    return (
        f'<figure><div class="plot" role="img" aria-label="{_text(plot.alt)}">{plot.svg}</div>'
        f"<figcaption>{_text(plot.caption)}</figcaption></figure>"
    )


def _table(table: Table) -> str:
    rows = "\n".join(_row(table.columns, row) for row in table.rows)
    notes = "".join(f'<p class="note">{_text(note)}</p>' for note in table.notes)
    caption = _text(table.caption)
    wide = " wide" if len(table.columns) > 9 else ""
    return (
        f'<div class="table{wide}">'
        f'<div class="scroll" role="region" aria-label="{caption}" tabindex="0">\n'
        f"<table>\n<caption>{caption}</caption>\n<thead>\n{_head(table.columns)}\n</thead>\n"
        f"<tbody>\n{rows}\n</tbody>\n</table>\n</div>{notes}</div>"
    )


def _head(columns: tuple[Column, ...]) -> str:
    """Return one row of headings, or two if columns share a heading."""
    if not any(column.group for column in columns):
        return "<tr>" + "".join(_heading(column) for column in columns) + "</tr>"
    upper = ""
    for group, members in itertools.groupby(columns, lambda column: column.group):
        found = list(members)
        if group:
            upper += f'<th scope="colgroup" colspan="{len(found)}">{_text(group)}</th>'
        else:
            upper += "".join(_heading(column, ' rowspan="2"') for column in found)
    lower = "".join(_heading(column) for column in columns if column.group)
    return f"<tr>{upper}</tr>\n<tr>{lower}</tr>"


def _heading(column: Column, extra: str = "") -> str:
    return f'<th scope="col"{extra}{_class(column)}>{_text(column.title)}</th>'


def _row(columns: tuple[Column, ...], row: tuple[str, ...]) -> str:
    first = f'<th scope="row"{_class(columns[0], row[0])}>{_text(row[0])}</th>'
    cells = "".join(
        f"<td{_class(column, cell)}>{_text(cell)}</td>"
        for column, cell in zip(columns[1:], row[1:])
    )
    return f"<tr>{first}{cells}</tr>"


def _class(column: Column, cell: str = "") -> str:
    """Return the class of a cell: numbers stay on one line, long texts get room to wrap in."""
    if column.numeric:
        return ' class="number"'
    return ' class="long"' if len(cell) > _LONG else ""
