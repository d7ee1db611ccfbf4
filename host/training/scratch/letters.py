"""The images: as many of each of ten letters, drawn at random. numpy only."""

from __future__ import annotations

import numpy as np

from host.data.samples import Samples
from target.errors import DataError
from target.text.labels import letter_of

LABELS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 10)  # A-K; J (9) needs motion


def draw(
    samples: Samples,
    count: int,
    generator: np.random.Generator,
    taken: np.ndarray | None = None,
) -> np.ndarray:
    """Draw rows of the ten letters without repetition, as many of each letter as of the others.

    Args:
        samples: What to draw from.
        count: Rows in all; what ten does not divide goes to the first letters.
        generator: Of the draw.
        taken: Rows that must not be drawn.

    Returns:
        int64 (count,): rows, letter after letter.

    Raises:
        DataError: If there are too few images of a letter.
    """
    chosen = []
    for index, label in enumerate(LABELS):
        wanted = count // len(LABELS) + (index < count % len(LABELS))
        rows = np.flatnonzero(samples.labels == label)
        if taken is not None:
            rows = np.setdiff1d(rows, taken)
        if len(rows) < wanted:
            raise DataError(
                f"images of {letter_of(label)} must be {wanted} or more, got {len(rows)}"
                f" in {samples.source}; lower --images"
            )
        chosen.append(generator.choice(rows, wanted, replace=False))
    return np.concatenate(chosen)


def classes(labels: np.ndarray) -> np.ndarray:
    """Return the network's output, 0-9, of each label value of the ten letters."""
    return np.searchsorted(LABELS, labels)
