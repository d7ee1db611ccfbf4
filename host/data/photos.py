"""A folder of photos by letter: A/*.jpg, B/*.png, ...; cropped and shrunk as the manifest says."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import numpy as np

from host.data.samples import Samples
from target.camera.folder import list_images
from target.errors import DataError
from target.opencv import cv2, read_image
from target.text.labels import STATIC_LETTERS, label_of
from target.vision.crop import centre_square, cut

_log = logging.getLogger(__name__)


def is_photo_folder(path: Path) -> bool:
    """Say whether a folder has sub-folders named by still letters."""
    return path.is_dir() and bool(_letter_folders(path))


def load_photos(path: Path, size: int, max_trim: float) -> Samples:
    """Read the photos of every letter.

    Args:
        path: Holds one folder a letter, upper or lower case.
        size: Side of the result, pixels.
        max_trim: Of the crop rule.

    Returns:
        Gray samples, uint8 (n, size, size), sorted by letter and file name.

    Raises:
        DataError: If there is no letter folder, or a file is not an image.
    """
    folders = _letter_folders(path)
    if not folders:
        raise DataError(f"folder must have sub-folders named A, B, ... Y, got none in {path}")
    others = sorted(f.name for f in path.iterdir() if f.is_dir() and f not in folders)
    if others:
        _log.warning("left out of %s: folders %s (still letters only)", path, ", ".join(others))
    images, labels = [], []
    digest = hashlib.sha256()
    for folder in folders:
        for photo in list_images(folder):
            picture = read_image(photo, cv2.IMREAD_GRAYSCALE, DataError)
            height, width = picture.shape
            square = cut(picture, centre_square(height, width, size, max_trim))
            images.append(cv2.resize(square, (size, size), interpolation=cv2.INTER_AREA))
            labels.append(label_of(folder.name))
            digest.update(photo.read_bytes())
    return Samples(np.stack(images), np.array(labels, np.uint8), str(path), digest.hexdigest())


def _letter_folders(path: Path) -> list[Path]:
    return sorted(
        folder
        for folder in path.iterdir()
        if folder.is_dir() and len(folder.name) == 1 and folder.name.upper() in STATIC_LETTERS
    )
