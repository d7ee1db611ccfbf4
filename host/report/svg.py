"""A matplotlib figure as an `<svg>` element that can stand in a page beside others.

Must not import TensorFlow; matplotlib is imported inside functions, because it is slow to load.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from typing import Any

WIDTH_INCHES = 4.8  # 346 points: about a phone's width, so that letters keep their size there
_STYLE = {
    "svg.fonttype": "none",  # letters stay letters: small, can be searched and copied
    "svg.image_inline": True,
    "text.parse_math": False,  # names come from other machines: `$` is no formula
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "Helvetica"],
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def draw_svg(name: str, height_inches: float, draw: Callable[[Any], None]) -> str:
    """Draw a figure and return it as an `<svg>` element without width, height or references.

    Args:
        name: Letters, digits and hyphens; makes ids unique on the page and equal in every run.
        height_inches: Of the figure; its width is WIDTH_INCHES.
        draw: Draws on the matplotlib Figure it is given.
    """
    import matplotlib
    from matplotlib.figure import Figure

    buffer = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # browsers have it
        figure = Figure(figsize=(WIDTH_INCHES, height_inches), layout="constrained")
        draw(figure)
        figure.savefig(buffer, format="svg", metadata=nothing)
    return _embed(buffer.getvalue(), name)


def _embed(document: str, name: str) -> str:
    """Drop what only a file of its own needs, and make the ids the page's own."""
    body = document[document.index("<svg") :]
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(r"<style.*?</style>", "", body, count=1, flags=re.DOTALL)
    return re.sub(r"<[^<>]*>", lambda tag: _own(tag.group(), name), body).strip()


def _own(tag: str, name: str) -> str:
    if tag.startswith("<svg"):
        tag = re.sub(r'\s(?:xmlns(?::\w+)?|width|height|version)="[^"]*"', "", tag)
        tag = tag.replace("<svg", '<svg aria-hidden="true" focusable="false"', 1)
    tag = re.sub(r'(\sid=")', rf"\g<1>{name}-", tag)
    tag = re.sub(r'(href="#)', rf"\g<1>{name}-", tag)
    return tag.replace("url(#", f"url(#{name}-")
