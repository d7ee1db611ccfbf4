"""American Sign Language Letters by David Lee, as Roboflow exports it: one crop of each annotated hand."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np

from host.data.imports import coco, voc, yolo
from host.data.imports.download import Download
from host.data.imports.hand import Hand
from host.data.imports.picture import Box, cut_around, read_picture
from target.errors import DataError
from target.text.labels import STATIC_LABELS

SIZE = 72
_COPY = re.compile(r"(_jpe?g|_png)?\.rf\.", re.IGNORECASE)
_log = logging.getLogger(__name__)


class Format(NamedTuple):
    """A format of annotations.

    Attributes:
        files: Returns the names of a download's annotation files.
        read: Returns the hands of these files.
    """

    files: Callable[[Download], list[str]]
    read: Callable[[Download, list[str]], list[Hand]]


FORMATS = {
    "COCO": Format(coco.files, coco.read),
    "YOLO": Format(yolo.files, yolo.read),
    "Pascal VOC": Format(voc.files, voc.read),
}


def read_davidlee(download: Download) -> dict[str, np.ndarray]:
    """Cut the hands out of the pictures of a Roboflow export; movement letters (J, Z) are left out.

    Returns:
        images uint8 (n, 72, 72, 3), labels uint8 (n,), source_photo str (n,), sorted by file name.

    Raises:
        DataError: If there are no annotated hands, or a file is faulty; the message names it.
    """
    hands = [hand for hand in _find_hands(download) if hand.label in STATIC_LABELS]
    if not hands:
        raise DataError(f"annotations must name still letters A-Y, got none in {download.path}")
    hands.sort(key=lambda hand: hand.picture)
    return {
        "images": np.stack([_crop(download, hand) for hand in hands]),
        "labels": np.array([hand.label for hand in hands], np.uint8),
        "source_photo": np.array([source_photo(hand.picture) for hand in hands]),
    }


def source_photo(name: str) -> str:
    """Return which photo a file was made from; Roboflow names each copy after its photo.

    >>> source_photo("train/A12_jpg.rf.0f3c.jpg"), source_photo("A12.jpg")
    ('A12', 'A12')
    """
    path = PurePosixPath(name)
    found = _COPY.search(path.name)
    return path.name[: found.start()] if found else path.stem


def _find_hands(download: Download) -> list[Hand]:
    for name, kind in FORMATS.items():
        names = kind.files(download)
        if names:
            _log.info("reading %d %s files of %s", len(names), name, download.path)
            return kind.read(download, names)
    raise DataError(
        f"export must have annotations in the format {' or '.join(FORMATS)}, got none in"
        f" {download.path}; choose one of these formats when you download it"
    )


def _crop(download: Download, hand: Hand) -> np.ndarray:
    picture = read_picture(download, hand.picture)
    height, width = picture.shape[:2]
    scales = (width, height, width, height) if hand.relative else (1, 1, 1, 1)
    box = Box(*(edge * scale for edge, scale in zip(hand.box, scales)))
    try:
        return cut_around(picture, box, SIZE)
    except DataError as error:
        raise DataError(f"{error} in {download.where(hand.picture)}") from error
