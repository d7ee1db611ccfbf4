"""PNG pictures: one style, matplotlib's own letters, no display; small images side by side.

Must not import TensorFlow; matplotlib is imported inside functions, because it is slow to load.
"""

from __future__ import annotations

import base64
import contextlib
import warnings
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any, Literal

import numpy as np

WIDTH_INCHES = 5.4  # about a phone's width in points, so that letters keep their size there
DPI = 200  # sharp on a screen of twice as many pixels
# Okabe and Ito, which people with colour blindness tell apart.
BLUE, ORANGE, RED = "#0072b2", "#e69f00", "#d55e00"
_STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "text.parse_math": False,  # names come from other machines: `$` is no formula
    "axes.spines.top": False,
    "axes.spines.right": False,
}


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Draw what is drawn in the body in the pages' style, whatever this machine's settings are."""
    import matplotlib

    with warnings.catch_warnings(), matplotlib.rc_context():
        warnings.filterwarnings(
            "ignore", message="Glyph .* missing from font"
        )  # a box stands there
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def new_figure(height_inches: float, layout: Literal["constrained"] | None = "constrained") -> Any:
    """Return a matplotlib Figure of the pages' width."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH_INCHES, height_inches), layout=layout, facecolor="white")


def save(figure: Any, path: Path) -> None:
    """Write a figure as PNG, the same bytes in every run."""
    figure.savefig(path, format="png", dpi=DPI, metadata={"Software": None})


def sentence_picture(text: str, path: Path) -> None:
    """Write a PNG that holds a sentence: where there is nothing to show."""
    figure = new_figure(0.8, layout=None)
    figure.text(0.5, 0.5, text, ha="center", va="center", fontsize=12)
    save(figure, path)


def sheet(columns: float, rows: float) -> Any:
    """Return axes that fill a figure, 1 unit = 1 column, y downwards, square units."""
    figure = new_figure(WIDTH_INCHES * rows / columns, layout=None)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    axes.set_xlim(0, columns)
    axes.set_ylim(rows, 0)
    return axes


def put_image(axes: Any, image: np.ndarray, x: float, y: float, side: float, colour: str) -> None:
    """Put a gray image into a square of a sheet, inside a frame.

    Args:
        axes: Made by `sheet`.
        image: uint8 (h, w); its proportions are kept.
        x: Left edge, in units of the sheet.
        y: Upper edge.
        side: Of the square.
        colour: Of the frame.
    """
    from matplotlib.patches import Rectangle

    height, width = (side * length / max(image.shape) for length in image.shape)
    left, top = x + (side - width) / 2, y + (side - height) / 2
    limits = axes.get_xlim(), axes.get_ylim()
    axes.imshow(
        image,
        cmap="gray",
        vmin=0,
        vmax=255,
        interpolation="nearest",
        extent=(left, left + width, top + height, top),
    )
    axes.add_patch(
        Rectangle((left, top), width, height, fill=False, edgecolor=colour, linewidth=1.6)
    )
    axes.set_xlim(limits[0])
    axes.set_ylim(limits[1])


def as_markup(path: Path, alt: str, smallest_rem: float = 0.0) -> str:
    """Return a PNG file as an `<img>` element that needs no file.

    Args:
        path: The PNG.
        alt: What it shows, any text.
        smallest_rem: It scrolls sideways rather than become narrower than this.
    """
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    image = (
        f'<img alt="{escape(alt, quote=True)}" src="data:image/png;base64,{data}"'
        f' style="display:block;width:100%;height:auto;min-width:{smallest_rem:g}rem">'
    )
    return f'<div style="overflow-x:auto">{image}</div>' if smallest_rem else image
