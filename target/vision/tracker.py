"""Where the hand goes: the way of what moves in the picture, from frame to frame.

Corners of a small gray picture are followed with the pyramidal method of Lucas and Kanade (OpenCV's);
the median way of those that moved is the hand's. A resting background does not count, whatever it is.
"""

from __future__ import annotations

from typing import Any, Optional, Tuple

import numpy as np

from target.opencv import cv2

_SIDE = 112  # of the small picture, pixels, about
_MOST_CORNERS = 80
_MOVED = 0.35  # pixels of the small picture: less is noise
_LEAST_CORNERS = 5  # that must have moved, and the same way
_FARTHEST = 0.3  # of the side within one frame: more is a lost corner


class HandTracker:
    """Adds up the hand's way; one for each stream of frames."""

    def __init__(self) -> None:
        self._before: Optional[np.ndarray] = None
        self._place = (0.0, 0.0)

    def __call__(self, crop: np.ndarray, scale: float = 1.0) -> Tuple[float, float]:
        """Return the hand's place after this crop, right and down of where the first one had it.

        Args:
            crop: uint8 (s, s, 3) BGR or (s, s) gray; what the network sees, before it is shrunk, or more.
            scale: The crop's side, in sides of what the network sees.

        Returns:
            In sides of what the network sees.
        """
        small, factor = _shrunk(crop)
        before, self._before = self._before, small
        if before is not None:
            right, down = _way(before, small)
            unit = scale * factor / crop.shape[0]
            self._place = (self._place[0] + right * unit, self._place[1] + down * unit)
        return self._place

    def forget(self) -> None:
        """Compare the next crop with none: it shows another part of the picture, or much later."""
        self._before = None


def _shrunk(crop: np.ndarray) -> Tuple[np.ndarray, int]:
    """Return a small gray picture, and how many pixels of the crop one of its pixels stands for.

    Gray first, and a whole number of pixels for one: measured six times as fast as the other way round.
    """
    gray = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY) if crop.ndim == 3 else crop
    factor = max(round(crop.shape[0] / _SIDE), 1)
    if factor == 1:
        return gray, factor
    side = crop.shape[0] // factor
    whole = gray[: side * factor, : side * factor]
    return np.asarray(cv2.resize(whole, (side, side), interpolation=cv2.INTER_AREA)), factor


def _way(before: np.ndarray, now: np.ndarray) -> Tuple[float, float]:
    """Return the median way of the corners that moved, pixels; nothing if too few did."""
    changed = cv2.dilate((cv2.absdiff(before, now) > 12).astype(np.uint8), np.ones((5, 5)))
    if not changed.any():
        return 0.0, 0.0
    corners: Any = cv2.goodFeaturesToTrack(before, _MOST_CORNERS, 0.02, 4, mask=changed)
    if corners is None or len(corners) < _LEAST_CORNERS:
        return 0.0, 0.0
    found, good, _ = cv2.calcOpticalFlowPyrLK(
        before, now, corners, None, winSize=(13, 13), maxLevel=3
    )
    ways = (found - corners).reshape(-1, 2)[good.ravel() == 1]
    lengths = np.hypot(ways[:, 0], ways[:, 1])
    ways = ways[(lengths > _MOVED) & (lengths < _FARTHEST * len(now))]
    if len(ways) < _LEAST_CORNERS:
        return 0.0, 0.0
    right, down = np.median(ways, axis=0)
    return float(right), float(down)
