"""Images that a quantization calibrates on, and others that it is judged on."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from host.data.npz import load_classes, load_images
from host.data.samples import Samples
from target.errors import DataError
from target.text.labels import classes_of_outputs, letter_of
from target.vision.treatment import NO_TREATMENT, Treatment, treat

HELD_OUT = 1000  # at most


class CalibrationImages(NamedTuple):
    """What a quantization calibrates on, and what its report looks at.

    Attributes:
        calibration: float32 (n, h, w, c).
        held_out: Others if there are any, else the same; at most HELD_OUT.
        classes: Of the held-out ones, the output that should be highest, int (n,); None if unknown.
        source: Name of the file they are from.
        apart: Whether the held-out ones are others.
    """

    calibration: np.ndarray
    held_out: np.ndarray
    classes: np.ndarray | None
    source: str
    apart: bool


def treat_all(images: np.ndarray, treatment: Treatment) -> np.ndarray:
    """Return uint8 (n, h, w) images, each treated by itself."""
    if treatment == NO_TREATMENT or not len(images):
        return images
    return np.stack([treat(image, treatment) for image in images])


def network_input(images: np.ndarray, treatment: Treatment = NO_TREATMENT) -> np.ndarray:
    """Return float32 (n, h, w, 1) in [0, 1] of uint8 (n, h, w): what the networks are trained on."""
    treated = treat_all(images, treatment)
    return np.asarray(treated.astype(np.float32)[..., None] / np.float32(255))


def choose_images(images: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return `count` random images of uint8 (n, h, w)."""
    return np.asarray(images[np.random.default_rng(seed).permutation(len(images))[:count]])


def choose_calibration(
    images: np.ndarray, count: int, seed: int, treatment: Treatment = NO_TREATMENT
) -> np.ndarray:
    """Return `count` random images, of uint8 (n, h, w), as network inputs, float32 (count, h, w, 1)."""
    return network_input(choose_images(images, count, seed), treatment)


def images_of_file(
    path: Path, count: int, treatment: Treatment = NO_TREATMENT
) -> CalibrationImages:
    """Return the images of an .npz file: the first `count`, and those behind them.

    Raises:
        DataError: If the file has none.
    """
    images, classes = load_images(path, treatment), load_classes(path)
    start = count if len(images) > count else 0
    rest = None if classes is None else classes[start:][:HELD_OUT]
    return CalibrationImages(images, images[start:][:HELD_OUT], rest, path.name, start > 0)


def images_of_samples(
    samples: Samples, count: int, seed: int, outputs: int, treatment: Treatment = NO_TREATMENT
) -> CalibrationImages:
    """Return random images of a data set: `count`, and others.

    Args:
        samples: Labelled by letters.
        count: To calibrate on.
        seed: Of the choice.
        outputs: Of the network; they are letters or the classes are unknown.
        treatment: Of the gray levels.
    """
    rows = np.random.default_rng(seed).permutation(len(samples))[count:][:HELD_OUT]
    apart = len(rows) > 0
    rows = rows if apart else np.arange(len(samples))[:HELD_OUT]
    return CalibrationImages(
        choose_calibration(samples.images, count, seed, treatment),
        network_input(samples.images[rows], treatment),
        _classes_of(samples.labels[rows], outputs),
        Path(samples.source).name,
        apart,
    )


def _classes_of(labels: np.ndarray, outputs: int) -> np.ndarray | None:
    """Return the output that stands for each letter; None if the network's outputs are no letters."""
    try:
        letters = classes_of_outputs(outputs)
    except DataError:
        return None
    places = {letter: place for place, letter in enumerate(letters) if letter}
    found = [places.get(letter_of(int(label))) for label in labels]
    return None if None in found else np.array(found)
