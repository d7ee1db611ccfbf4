"""From what a user names to samples: the Kaggle archive, a folder of photos by letter, rendered hands."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from host.data.hands.dataset import HELD_OUT, NAME, TRAINING, render_samples
from host.data.locate import locate
from host.data.photos import is_photo_folder, load_photos
from host.data.samples import Samples
from host.data.sign_mnist import SIDE, load_sign_mnist
from target.vision.crop import MAX_TRIM


def load_training_samples(path: Path, cache: Path | None) -> Samples:
    """Return the training part of the data set, all photos of a folder by letter, or rendered hands.

    Args:
        path: Archive, CSV file or folder; `hands` for rendered hands.
        cache: Folder for the parsed and rendered copies.

    Raises:
        DataError: If there is nothing of the kind, or it is faulty.
    """
    if is_rendered(path):
        return render_samples(TRAINING, cache)
    if is_photo_folder(path):
        return load_photos(path, SIDE, MAX_TRIM)
    return load_sign_mnist(locate(path), cache).train


def load_test_samples(
    path: Path, cache: Path | None, size: int = SIDE, max_trim: float = MAX_TRIM
) -> Samples:
    """Return the test part of the data set, all photos of a folder by letter, or held-out rendered hands.

    Args:
        path: Archive, CSV file or folder; `hands` for rendered hands of signers never trained on.
        cache: Folder for the parsed and rendered copies.
        size: Side that photos are shrunk to; the data set has its own.
        max_trim: Of the manifest's crop rule.

    Raises:
        DataError: If there is nothing of the kind, or it is faulty.
    """
    if is_rendered(path):
        crop = dataclasses.replace(HELD_OUT.crop, size=size)
        return render_samples(dataclasses.replace(HELD_OUT, crop=crop), cache)
    if is_photo_folder(path):
        return load_photos(path, size, max_trim)
    return load_sign_mnist(locate(path), cache).test


def is_rendered(path: Path) -> bool:
    """Say whether a user means rendered hands: `hands`, and there is no such file or folder."""
    return path == Path(NAME) and not path.exists()
