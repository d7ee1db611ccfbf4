"""The confusion matrix as a picture: rows what is shown, columns what was read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from host.report.workshop.pictures import BLUE, RED, new_figure, save, style
from host.report.workshop.readings import count_answers
from target import files
from target.text.labels import STATIC_LETTERS

_SMALL = 1000  # counts of four digits need smaller ones


def plot_confusion(labels: np.ndarray, answers: np.ndarray, path: Path) -> None:
    """Write a PNG of 24 x 24 counts, each row shaded by its share; a row without images is grey.

    Args:
        labels: Label values of what is shown, integers (n,).
        answers: Label values of what was read, integers (n,).
        path: PNG file, replaced whole.
    """
    with style(), files.replacing(path) as temporary:
        draw_confusion(count_answers(labels, answers), temporary)


def draw_confusion(counts: np.ndarray, path: Path) -> None:
    """Write the picture of counts, int64 (24, 24), in the style that is set."""
    figure = new_figure(5.5)
    axes = figure.subplots()
    for row, times in enumerate(counts):
        if not times.sum():
            axes.axhspan(row - 0.5, row + 0.5, color="#e4e4e4", linewidth=0)
            axes.text(11.5, row, "no image", ha="center", va="center", fontsize=7, color="#555555")
        for column in np.flatnonzero(times):
            _draw_cell(axes, row, int(column), int(times[column]), int(times.sum()))
    _finish(axes, len(counts))
    save(figure, path)


def _draw_cell(axes: Any, row: int, column: int, times: int, total: int) -> None:
    from matplotlib.patches import Rectangle

    share = times / total
    right = row == column
    strength = share if right else 0.25 + 0.75 * share
    colour = BLUE if right else RED
    corner = (column - 0.5, row - 0.5)
    axes.add_patch(Rectangle(corner, 1, 1, facecolor=colour, alpha=strength, linewidth=0))
    axes.text(
        column,
        row,
        str(times),
        ha="center",
        va="center_baseline",
        fontsize=6.5 if times < _SMALL else 5,
        color="white" if right and strength > 0.75 else "black",
    )


def _finish(axes: Any, size: int) -> None:
    axes.set_xlim(-0.5, size - 0.5)
    axes.set_ylim(size - 0.5, -0.5)
    axes.set_aspect("equal")
    axes.set_xticks(range(size), list(STATIC_LETTERS), fontsize=8)
    axes.set_yticks(range(size), list(STATIC_LETTERS), fontsize=8)
    edges = [edge - 0.5 for edge in range(size + 1)]
    axes.set_xticks(edges, minor=True)
    axes.set_yticks(edges, minor=True)
    axes.grid(which="minor", alpha=0.3, linewidth=0.5)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("read as")
    axes.set_ylabel("letter shown")
