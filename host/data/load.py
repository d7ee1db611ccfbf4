"""From what a user names to samples: the Kaggle archive, or a folder of photos by letter."""

from __future__ import annotations

from pathlib import Path

from host.data.locate import locate
from host.data.photos import is_photo_folder, load_photos
from host.data.samples import Samples
from host.data.sign_mnist import SIDE, load_sign_mnist
from target.vision.crop import MAX_TRIM


def load_training_samples(path: Path, cache: Path | None) -> Samples:
    """Return the training part of the data set, or all photos of a folder by letter.

    Raises:
        DataError: If there is nothing of the kind, or it is faulty.
    """
    if is_photo_folder(path):
        return load_photos(path, SIDE, MAX_TRIM)
    return load_sign_mnist(locate(path), cache).train


def load_test_samples(
    path: Path, cache: Path | None, size: int = SIDE, max_trim: float = MAX_TRIM
) -> Samples:
    """Return the test part of the data set, or all photos of a folder by letter.

    Args:
        path: Archive, CSV file or folder.
        cache: Folder for the parsed copy.
        size: Side that photos are shrunk to; the data set has its own.
        max_trim: Of the manifest's crop rule.

    Raises:
        DataError: If there is nothing of the kind, or it is faulty.
    """
    if is_photo_folder(path):
        return load_photos(path, size, max_trim)
    return load_sign_mnist(locate(path), cache).test
