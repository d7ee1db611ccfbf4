"""The worst mistakes as a contact sheet: wrong, and the most confident about it."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np

from host.report.workshop.pairs import NONE, most_confident
from host.report.workshop.pictures import RED, put_image, save, sentence_picture, sheet
from host.report.workshop.readings import Readings
from target.text.labels import letter_of

MOST_MISTAKES = 20
_COLUMNS = 4
_ROW = 1.36  # an image and two lines, in images


def worst_mistakes(readings: Readings) -> np.ndarray:
    """Return the rows of the wrong images with the most confident answers, worst first.

    One pair of letters fills at most a row of the sheet as long as there are others to show.
    """
    ranked = most_confident(readings, ~readings.right)
    seen: Counter[tuple[int, int]] = Counter()
    first: list[int] = []
    rest: list[int] = []
    for place, row in enumerate(ranked):
        pair = int(readings.labels[row]), int(readings.answers[row])
        seen[pair] += 1
        (first if seen[pair] <= _COLUMNS else rest).append(place)
    chosen = sorted((first + rest)[:MOST_MISTAKES])
    return ranked[np.array(chosen, dtype=np.int64)]


def draw_mistakes(readings: Readings, path: Path) -> None:
    """Write a PNG with the worst mistakes, in the style that is set."""
    rows = worst_mistakes(readings)
    if not len(rows):
        sentence_picture(NONE, path)
        return
    axes = sheet(_COLUMNS, _ROW * math.ceil(len(rows) / _COLUMNS) + 0.05)
    for place, index in enumerate(rows):
        x, y = place % _COLUMNS, _ROW * (place // _COLUMNS) + 0.05
        put_image(axes, readings.images[index], x + 0.04, y, 0.92, RED)
        truth, answer = letter_of(readings.labels[index]), letter_of(readings.answers[index])
        axes.text(
            x + 0.5, y + 1.01, f"{truth} read as {answer}", ha="center", va="center", fontsize=10
        )
        axes.text(
            x + 0.5,
            y + 1.17,
            f"{confidence(readings, index)} sure",
            ha="center",
            va="center",
            fontsize=9,
            color="#444444",
        )
    save(axes.figure, path)


def confidence(readings: Readings, index: int) -> str:
    """Return the probability of an answer as per cent; only what is 1 is written as 100 %."""
    percent = 100 * float(readings.confidence[index])
    return (
        f"{percent:.0f} %"
        if percent < 99.5
        else f"{min(percent, 99.9 if percent < 100 else 100):.3g} %"
    )
