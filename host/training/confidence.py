"""Whether a confidence means what it says: expected calibration error, and the temperature that mends it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from target.errors import DataError
from target.text.labels import label_of, masked_argmax
from target.vision.postprocess import softmax

BINS = 10
_TEMPERATURES = np.exp(np.linspace(np.log(0.2), np.log(5.0), 161))


def labels_of(logits: np.ndarray, classes: Sequence[str | None]) -> np.ndarray:
    """Return the best letter's label value of each row, int64 (n,)."""
    of_output = np.array([-1 if letter is None else label_of(letter) for letter in classes])
    return np.asarray(of_output[masked_argmax(logits, classes)])


def confidences_of(
    logits: np.ndarray, classes: Sequence[str | None], temperature: float
) -> np.ndarray:
    """Return the best letter's probability of each row among all letters, float32 (n,)."""
    letters = [place for place, letter in enumerate(classes) if letter is not None]
    return np.asarray(softmax(logits[:, letters] / np.float32(temperature)).max(axis=1))


def find_temperature(
    logits: np.ndarray, labels: np.ndarray, weights: np.ndarray, classes: Sequence[str | None]
) -> float:
    """Return the temperature whose probabilities fit the labels best (least mean cross-entropy).

    Args:
        logits: float32 (n, outputs).
        labels: Label values (n,).
        weights: What each row counts, (n,).
        classes: Of the outputs.

    Returns:
        Between 0.2 and 5, to 2 %; source: Guo et al., On Calibration of Modern Neural Networks, 2017.

    Raises:
        DataError: If there are no rows.
    """
    if not len(logits):
        raise DataError("calibration must have images, got none")
    letters = [place for place, letter in enumerate(classes) if letter is not None]
    values = np.array([label_of(classes[place]) for place in letters])  # type: ignore[arg-type]
    truth = np.array([int(np.flatnonzero(values == label)[0]) for label in labels])
    rows = np.arange(len(labels))
    losses = []
    for temperature in _TEMPERATURES:
        right = softmax(logits[:, letters] / np.float32(temperature))[rows, truth]
        losses.append(float(np.average(-np.log(np.maximum(right, 1e-12)), weights=weights)))
    return round(float(_TEMPERATURES[int(np.argmin(losses))]), 3)


def reliability(
    logits: np.ndarray, labels: np.ndarray, classes: Sequence[str | None], temperature: float
) -> dict[str, object]:
    """Say for each range of confidence how often the answer is right.

    Returns:
        temperature, expected_calibration_error (0-1), and bins of `from`, `to`, `n`, `confidence` (mean) and
        `accuracy`; the last two None where n is 0.
    """
    confidence = confidences_of(logits, classes, temperature)
    right = labels_of(logits, classes) == labels
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    bins = []
    error = 0.0
    for index in range(BINS):
        rows = place == index
        count = int(rows.sum())
        mean = float(confidence[rows].mean()) if count else None
        share = float(right[rows].mean()) if count else None
        if mean is not None and share is not None:
            error += count / len(labels) * abs(mean - share)
        bins.append(
            {
                "from": index / BINS,
                "to": (index + 1) / BINS,
                "n": count,
                "confidence": None if mean is None else round(mean, 4),
                "accuracy": None if share is None else round(share, 4),
            }
        )
    return {
        "temperature": temperature,
        "expected_calibration_error": round(error, 4),
        "bins": bins,
    }
