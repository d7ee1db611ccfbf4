"""The pairs of letters that are confused most, with images: wrong ones beside right ones of both letters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from host.report.workshop.pictures import (
    BLUE,
    RED,
    put_image,
    save,
    sentence_picture,
    sheet,
)
from host.report.workshop.readings import Pair, Readings
from target.text.labels import letter_of

MOST_PAIRS = 6
_EACH = 3  # images of a group
_GAP = 0.35  # between groups, in images
_ROW = 1.78  # height of a pair: heading, names of the groups, images
NONE = "No image was read wrongly."


def draw_pairs(readings: Readings, path: Path) -> None:
    """Write a PNG with a row for each of the most confused pairs, in the style that is set."""
    pairs = readings.pairs()[:MOST_PAIRS]
    if not pairs:
        sentence_picture(NONE, path)
        return
    axes = sheet(3 * _EACH + 2 * _GAP + 0.2, _ROW * len(pairs) + 0.1)
    for row, pair in enumerate(pairs):
        _draw_pair(axes, readings, pair, _ROW * row)
    save(axes.figure, path)


def _draw_pair(axes: Any, readings: Readings, pair: Pair, top: float) -> None:
    axes.text(
        0.1, top + 0.25, f"{pair.name}: {pair.share}", va="center", fontsize=9.5, weight="bold"
    )
    truth, answer = letter_of(pair.truth), letter_of(pair.answer)
    wrong = (readings.labels == pair.truth) & (readings.answers == pair.answer)
    groups = (
        (wrong, RED, f"{truth}, read as {answer}"),
        (readings.right & (readings.labels == pair.truth), BLUE, f"{truth}, read right"),
        (readings.right & (readings.labels == pair.answer), BLUE, f"{answer}, read right"),
    )
    for place, (mask, colour, name) in enumerate(groups):
        left = 0.1 + place * (_EACH + _GAP)
        axes.text(left, top + 0.51, name, va="center", fontsize=8, color="#444444")
        rows = most_confident(readings, mask)[:_EACH] if mask is wrong else _spread(mask)
        for column, index in enumerate(rows):
            x, y = left + column + 0.03, top + 0.67
            put_image(axes, readings.images[index], x, y, 0.94, colour)
        if not len(rows):
            axes.text(
                left, top + 1.14, "none in this set", fontsize=8, va="center", color="#444444"
            )


def _spread(mask: np.ndarray) -> np.ndarray:
    """Return rows of `mask` from its whole length: neighbours may be copies of one photo."""
    rows = np.flatnonzero(mask)
    return rows[np.linspace(0, len(rows) - 1, min(_EACH, len(rows))).astype(np.int64)]


def most_confident(readings: Readings, mask: np.ndarray) -> np.ndarray:
    """Return the rows of `mask`, those with the most confident answers first."""
    rows = np.flatnonzero(mask)
    return rows[np.argsort(-readings.confidence[rows], kind="stable")]
