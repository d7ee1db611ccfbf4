"""Finds the hand by itself: what has the colour of skin, and what moves; cheap enough for the board's A53.

Colour alone finds faces and wooden tables, motion alone sleeves and passers-by; what is both, or was both
a moment ago, is the hand. The region goes there smoothly and stays where it is when nothing is found.
"""

from __future__ import annotations

from typing import Optional, Tuple

import numpy as np

from target.opencv import cv2
from target.vision.region import Region, region_of

_SIDE = 96  # of the small picture's shorter side, pixels
_MOST_SIDE = 512  # of its longer one
# Chrominance of skin of all tones: D. Chai, K. N. Ngan, Face segmentation using skin-color map in
# videophone applications, 1999.
_LEAST_YCRCB, _MOST_YCRCB = (20, 133, 77), (255, 173, 127)
_MOVED = 14  # gray levels between two frames
_FADE = 0.92  # of the memory of motion, per frame
_LEAST_SHARE = 0.01  # of the picture that a hand covers
_MARGIN = 1.35  # side of the region, of the hand's own
_SMOOTH = 0.25  # of the way to the hand in one frame


class HandFinder:
    """Follows the hand from frame to frame; one for each stream."""

    def __init__(self) -> None:
        self._before: Optional[np.ndarray] = None
        self._moved: Optional[np.ndarray] = None

    def __call__(self, frame: np.ndarray, region: Region) -> Region:
        """Return the region about the hand, or the one given where there is no hand.

        Args:
            frame: uint8 (h, w, 3) BGR; a gray frame has no colour and leaves the region as it is.
            region: Where it was.
        """
        if frame.ndim != 3:
            return region
        height, width = frame.shape[:2]
        scale = min(_SIDE / min(height, width), _MOST_SIDE / max(height, width))
        size = max(round(width * scale), 1), max(round(height * scale), 1)
        small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        box = self._hand(small)
        if box is None:
            return region
        left, top, right, bottom = box
        side = min(max(right - left, bottom - top) * _MARGIN, float(min(size)))
        centre_x, centre_y = (left + right) / 2, (top + bottom) / 2
        wanted = region_of((centre_x - side / 2, centre_y - side / 2, side), size[1], size[0])
        return Region(
            *(
                old + _SMOOTH * (new - old)
                for old, new in zip(
                    (region.x, region.y, region.side), (wanted.x, wanted.y, wanted.side)
                )
            )
        )

    def _hand(self, small: np.ndarray) -> Optional[Tuple[int, int, int, int]]:
        """Return left, top, right, bottom of the hand in the small picture."""
        colours = cv2.cvtColor(small, cv2.COLOR_BGR2YCrCb)
        luma = colours[:, :, 0]
        skin = cv2.inRange(colours, _LEAST_YCRCB, _MOST_YCRCB)
        skin = cv2.morphologyEx(skin, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        before, self._before = self._before, luma
        if before is None or before.shape != luma.shape or self._moved is None:
            self._moved = np.zeros(luma.shape, np.float32)
        else:
            self._moved *= _FADE
            self._moved[cv2.absdiff(before, luma) > _MOVED] = 1.0
        count, labels, facts, _ = cv2.connectedComponentsWithStats(skin)
        best, weight = None, 0.0
        for index in range(1, count):
            area = int(facts[index, cv2.CC_STAT_AREA])
            if area < _LEAST_SHARE * skin.size:
                continue
            moved = float(self._moved[labels == index].mean())
            if area * (0.2 + moved) > weight:
                best, weight = index, area * (0.2 + moved)
        if best is None:
            return None
        left, top, wide, tall = (int(facts[best, place]) for place in range(4))
        # A bare forearm is skin too: the hand is the upper part, about as tall as it is wide.
        return left, top, left + wide, top + min(tall, round(1.4 * wide))
