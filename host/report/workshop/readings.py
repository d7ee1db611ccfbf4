"""What a network read in a set of images, against what they show: the one source of every figure here."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np

from target.errors import DataError
from target.text.labels import STATIC_LABELS, classes_of_outputs, letter_of, masked_argmax

OUTPUTS = 25  # label values 0-24


class Pair(NamedTuple):
    """One letter read as one other.

    Attributes:
        truth: Label value of what the images show.
        answer: Label value of what was read.
        times: Images.
        of: Images of `truth` in the set.
    """

    truth: int
    answer: int
    times: int
    of: int

    @property
    def name(self) -> str:
        """`M read as N`."""
        return f"{letter_of(self.truth)} read as {letter_of(self.answer)}"

    @property
    def share(self) -> str:
        """`12 of 144, 8 %`."""
        percent = 100 * self.times / self.of
        written = f"{percent:.0f}" if percent >= 1 else f"{percent:.1f}"
        return f"{self.times:,} of {self.of:,}, {written} %"

    def as_json(self) -> dict[str, Any]:
        """Return what json.dumps takes."""
        names = {"truth": letter_of(self.truth), "answer": letter_of(self.answer)}
        return {**names, "times": self.times, "of": self.of, "share": self.times / self.of}


@dataclasses.dataclass(frozen=True)
class Readings:
    """Images, what they show, what was read.

    Attributes:
        images: uint8 (n, h, w).
        labels: int64 (n,), label values of still letters.
        answers: int64 (n,), the same; J is never an answer.
        confidence: float64 (n,), the probability of the answer.
        counts: int64 (24, 24): rows what is shown, columns what was read, in the order of
            STATIC_LABELS.
    """

    images: np.ndarray
    labels: np.ndarray
    answers: np.ndarray
    confidence: np.ndarray
    counts: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """Whether each image was read right, bool (n,)."""
        return np.asarray(self.labels == self.answers)

    @property
    def accuracy(self) -> float:
        """Share of the images that were read right."""
        return float(self.right.mean())

    def recall(self) -> dict[str, float | None]:
        """Return by letter the share of its images that were read right; None without any."""
        return {
            letter_of(label): float(row[place] / row.sum()) if row.sum() else None
            for place, (label, row) in enumerate(zip(STATIC_LABELS, self.counts))
        }

    def pairs(self) -> list[Pair]:
        """Return every letter that was read as another, the most frequent first."""
        found = [
            Pair(truth, STATIC_LABELS[column], int(times), int(row.sum()))
            for truth, row in zip(STATIC_LABELS, self.counts)
            for column, times in enumerate(row)
            if times and STATIC_LABELS[column] != truth
        ]
        return sorted(found, key=lambda pair: (-pair.times, -pair.times / pair.of, pair.truth))


def read_scores(images: np.ndarray, labels: np.ndarray, scores: np.ndarray) -> Readings:
    """Return what was read.

    Args:
        images: uint8 (n, h, w), n at least 1.
        labels: Integers (n,), label values of still letters, 0-24 without 9.
        scores: Probabilities, float (n, 25).

    Raises:
        DataError: If there is no image, a shape or a label is another one, or a score is no number.
    """
    if not len(images):
        raise DataError("images to look at must be at least 1, got 0; give some with --data")
    if images.ndim != 3 or images.dtype != np.uint8:
        raise DataError(f"images must be uint8 (n, h, w), got {images.dtype} {images.shape}")
    answers, confidence = read_answers(labels, scores)
    if len(images) != len(labels):
        raise DataError(f"labels must be one per image ({len(images)}), got {labels.shape}")
    shown = labels.astype(np.int64)
    return Readings(images, shown, answers, confidence, count_answers(shown, answers))


def read_answers(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the answer, int64 (n,), and its probability, float64 (n,), of every row of scores.

    Raises:
        DataError: If a shape or a label is not what it must be, or a score is no number.
    """
    if labels.ndim != 1 or scores.shape != (len(labels), OUTPUTS):
        raise DataError(
            f"scores must be {OUTPUTS} per label, got {scores.shape} for labels {labels.shape}"
        )
    strange = sorted({int(label) for label in np.unique(labels)} - set(STATIC_LABELS))
    if strange or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(
            f"labels must be 0-24 without 9, got {strange[:5] or labels.dtype}; J and Z are not still"
        )
    if not np.isfinite(scores).all():
        raise DataError(
            "scores must be finite, got NaN or infinity; the weights of the model are damaged"
        )
    answers = masked_argmax(scores, classes_of_outputs(OUTPUTS))
    confidence = np.take_along_axis(scores, answers[:, None], axis=1)[:, 0]
    return answers, confidence.astype(np.float64)


def count_answers(labels: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Return how often each letter was read as each, int64 (24, 24): rows shown, columns read."""
    counts = np.zeros((OUTPUTS, OUTPUTS), dtype=np.int64)
    np.add.at(counts, (labels, answers), 1)
    return counts[np.ix_(STATIC_LABELS, STATIC_LABELS)]
