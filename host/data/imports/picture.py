"""Pictures of a download, and squares cut out of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from host.data.imports.download import Download
from target.errors import DataError
from target.opencv import cv2, translated

MARGIN = 0.1  # of a box's longer side, on every side of it


class Box(NamedTuple):
    """Edges of a box in a picture: in pixels, or as shares of the picture's width and height."""

    left: float
    top: float
    right: float
    bottom: float


def read_picture(download: Download, name: str) -> np.ndarray:
    """Return a picture, uint8 (h, w, 3) RGB.

    Raises:
        DataError: If it cannot be read or decoded.
    """
    coded = np.frombuffer(download.read(name), np.uint8)
    what = f"picture must be one that OpenCV decodes in {download.where(name)}"
    with translated(what, DataError):
        picture = cv2.imdecode(coded, cv2.IMREAD_COLOR) if coded.size else None
        if picture is None:
            raise DataError(
                f"picture must be one that OpenCV decodes, got another in {download.where(name)}"
            )
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))


def cut_around(picture: np.ndarray, box: Box, size: int) -> np.ndarray:
    """Return the square around a box, with a margin, shrunk by area averaging.

    The square is shifted into the picture where it would stand out; where it is wider or higher than
    the picture, the picture's edge is repeated.

    Args:
        picture: uint8 (h, w, 3).
        box: In pixels; the part inside the picture counts.
        size: Side of the result, pixels.

    Returns:
        uint8 (size, size, 3).

    Raises:
        DataError: If nothing of the box is inside the picture.
    """
    height, width = picture.shape[:2]
    left, right = np.clip([box.left, box.right], 0, width)
    top, bottom = np.clip([box.top, box.bottom], 0, height)
    if not (right > left and bottom > top):  # also of what is not a number
        edges = ", ".join(f"{edge:g}" for edge in box)
        raise DataError(
            f"box (left, top, right, bottom) must be inside the picture of {width} x {height}"
            f" pixels, got ({edges})"
        )
    side = max(1, round(max(right - left, bottom - top) * (1 + 2 * MARGIN)))
    rows = _span((top + bottom) / 2, side, height)
    columns = _span((left + right) / 2, side, width)
    square = picture[np.ix_(rows, columns)]
    return np.asarray(cv2.resize(square, (size, size), interpolation=cv2.INTER_AREA))


def _span(middle: float, side: int, length: int) -> np.ndarray:
    """Return `side` indices around the middle, inside 0 to length - 1 if they fit, else repeated."""
    lowest, highest = sorted((0, length - side))
    start = min(max(round(middle - side / 2), lowest), highest)
    return np.clip(np.arange(start, start + side), 0, length - 1)
