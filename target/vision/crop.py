"""The crop rule `centre-square`: which part of a frame the network sees."""

from __future__ import annotations

from typing import Tuple

import numpy as np

MAX_TRIM = 0.05  # of the side, given up for a whole multiple of the input size


def centre_square(height: int, width: int, size: int, max_trim: float) -> Tuple[int, int, int]:
    """Return (top, left, side) of the square that is cut out of the middle.

    Its side is the shorter side of the frame, or the largest multiple of `size` below that if this
    gives up at most `max_trim` of it: a whole multiple is three times cheaper to shrink.

    >>> centre_square(480, 640, 28, 0.05)
    (2, 82, 476)
    >>> centre_square(50, 50, 28, 0.05)
    (0, 0, 50)
    """
    shorter = min(height, width)
    side = shorter - shorter % size
    if side == 0 or shorter - side > max_trim * shorter:
        side = shorter
    return (height - side) // 2, (width - side) // 2, side


def cut(frame: np.ndarray, square: Tuple[int, int, int]) -> np.ndarray:
    """Return the square as a view of the frame (h, w) or (h, w, c)."""
    top, left, side = square
    return frame[top : top + side, left : left + side]
