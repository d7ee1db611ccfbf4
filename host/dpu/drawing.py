"""A graph as an SVG: ops from top to bottom in order, coloured by device, edges at the side. No library."""

from __future__ import annotations

import html
import re
from typing import Any

ROW, BOX, LEFT, WIDTH = 34, 26, 150, 640
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_COLOURS = {"USER": "#e8e4f3", "DPU": "#d9ecdf", "CPU": "#fbe7cf"}


def draw_svg(described: dict[str, Any]) -> str:
    """Return an SVG of what describe_graph returned; long skips are drawn further to the left."""
    ops = described["ops"]
    rows = {op["name"]: row for row, op in enumerate(ops)}
    height = ROW * (len(ops) + 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 20}" height="{height}"'
        f' font-family="sans-serif" font-size="12" role="img" aria-label="{_escape(described["name"])}">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    parts += [_edge(rows[source], rows[op["name"]]) for op in ops for source in op["inputs"]]
    parts += [_box(op, row) for row, op in enumerate(ops)]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _escape(text: str) -> str:
    return html.escape(_NOT_XML.sub("\ufffd", text))


def _middle(row: int) -> float:
    return ROW * row + ROW / 2 + BOX / 2


def _edge(start: int, end: int) -> str:
    first, last = _middle(start), _middle(end)
    if end == start + 1:
        x = LEFT + 20
        return f'<path d="M{x} {first + BOX / 2}V{last - BOX / 2}" stroke="#555" fill="none"/>'
    reach = max(10, LEFT - 12 * (end - start))
    return (
        f'<path d="M{LEFT} {first}C{reach} {first} {reach} {last} {LEFT} {last}"'
        ' stroke="#999" fill="none"/>'
    )


def _box(op: dict[str, Any], row: int) -> str:
    top = ROW * row + ROW / 2
    fill = _COLOURS.get(op["device"], "#eeeeee")
    fix = "" if op["fix_point"] is None else f"  fix {op['fix_point']}"
    work = f"  {op['macs']:,} MAC" if op["macs"] else ""
    text = f"{op['type']}  {'x'.join(map(str, op['dims']))}{fix}{work}"
    return (
        f"<g><title>{_escape(op['name'])}</title>"
        f'<rect x="{LEFT}" y="{top}" width="{WIDTH}" height="{BOX}" rx="4" fill="{fill}"'
        ' stroke="#777"/>'
        f'<text x="{LEFT + 8}" y="{top + 17}">{_escape(text)}</text>'
        f'<text x="{LEFT + WIDTH - 8}" y="{top + 17}" text-anchor="end" fill="#555">'
        f"{_escape(_short(op['name']))}</text></g>"
    )


def _short(name: str) -> str:
    return name if len(name) <= 36 else "..." + name[-33:]
