"""Sign Language Digits of Ankara's students: the four digits whose shape is a letter.

The repository has folders Dataset/0 to Dataset/9 with one photo of each student; 0 2 6 9 are O V W F.
"""

from __future__ import annotations

import logging
from pathlib import PurePosixPath

import numpy as np

from host.data.imports.download import PICTURES, Download
from host.data.imports.picture import read_picture
from target.errors import DataError
from target.opencv import cv2
from target.text.labels import label_of
from target.vision.crop import centre_square, cut

SIZE = 64
LETTERS = {"0": "O", "2": "V", "6": "W", "9": "F"}
_log = logging.getLogger(__name__)


def read_students(download: Download) -> dict[str, np.ndarray]:
    """Read the photos of the four digits.

    Returns:
        images uint8 (n, 64, 64, 3) and labels uint8 (n,), sorted by digit and file name; and signer
        int64 (n,), the place of a photo in its folder, if the four folders have equally many photos.

    Raises:
        DataError: If the folders are not there, or a file is not a picture; the message names it.
    """
    photos = _find_photos(download)
    _log.info("reading %d photos of %s", sum(map(len, photos.values())), download.path)
    names = [(digit, name) for digit in LETTERS for name in photos[digit]]
    arrays = {
        "images": np.stack([_shrink(read_picture(download, name)) for _, name in names]),
        "labels": np.array([label_of(LETTERS[digit]) for digit, _ in names], np.uint8),
    }
    counts = {digit: len(photos[digit]) for digit in LETTERS}
    if len(set(counts.values())) == 1:
        arrays["signer"] = np.tile(np.arange(counts["0"], dtype=np.int64), len(LETTERS))
    else:
        told = ", ".join(f"{count} of {digit}" for digit, count in counts.items())
        _log.warning("the digits have not equally many photos (%s): who signs is left out", told)
    return arrays


def _find_photos(download: Download) -> dict[str, list[str]]:
    """Return the names of the photos of each digit, sorted."""
    roots: dict[PurePosixPath, dict[str, list[str]]] = {}
    for path in map(PurePosixPath, download.sizes):
        digit = path.parent.name
        if digit in LETTERS and path.suffix.lower() in PICTURES:
            roots.setdefault(path.parent.parent, {}).setdefault(digit, []).append(str(path))
    whole = [photos for photos in roots.values() if len(photos) == len(LETTERS)]
    if len(whole) != 1:
        raise DataError(
            f"download must have one folder Dataset with photos in {', '.join(LETTERS)}, got"
            f" {len(whole)} such folders in {download.path}"
        )
    return whole[0]


def _shrink(picture: np.ndarray) -> np.ndarray:
    square = cut(picture, centre_square(picture.shape[0], picture.shape[1], SIZE, 0))
    return np.asarray(cv2.resize(square, (SIZE, SIZE), interpolation=cv2.INTER_AREA))
