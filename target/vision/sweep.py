"""A crop that moves a little from frame to frame, and the mean of what the network says of the frames.

How a network reads a hand depends on how the hand is cut out. A camera shows the same hand many times: every
frame is cut a little differently, and the scores of the last moment's frames are averaged. It costs no
inference more, and a letter no longer hangs on where the hand happened to be.
"""

from __future__ import annotations

import collections
from typing import Deque, Optional, Tuple

import numpy as np

from target.runners.base import TensorSpec
from target.vision.crop import centre_square
from target.vision.preprocess import Square

# The mean of several crops' scores is flatter than it is right; fitted on rendered signers.
SHARPER = 1.8
_LAST_S = 0.3
_MOST = 64
_SIZES = (
    (0.941, 0.034),
    (0.882, 0.042),
    (0.824, 0.05),
)  # side, and step aside: shares of the region's side
_STEPS = [(0.0, 0.0, 1.0)] + [
    (right * step, down * step, side)
    for side, step in _SIZES
    for right in (-1, 0, 1)
    for down in (-1, 0, 1)
]
_STRIDE = 11  # has no factor in common with the number of steps: neighbours in time are far apart
_LEAST = 2  # times the network's input: a smaller region has no pixels to spare


class Sweep:
    """Gives the next square around a region's own.

    Args:
        size: Side of the network's input, pixels.
        max_trim: Of the crop rule, by which a side becomes a multiple of `size`.
    """

    def __init__(self, size: int, max_trim: float) -> None:
        self._size = size
        self._max_trim = max_trim
        self._turn = 0

    def __call__(self, square: Square, height: int, width: int) -> Square:
        """Return the next square: top, left, side, inside the frame.

        Args:
            square: The region's.
            height: Of the frame, pixels.
            width: Of the frame, pixels.
        """
        top, left, whole = square
        if whole < _LEAST * self._size:
            return square
        right, down, share = _STEPS[self._turn]
        self._turn = (self._turn + _STRIDE) % len(_STEPS)
        wanted = round(whole * share)
        _, _, side = centre_square(wanted, wanted, self._size, self._max_trim)
        top += round((whole - side) / 2 + down * whole)
        left += round((whole - side) / 2 + right * whole)
        return min(max(top, 0), height - side), min(max(left, 0), width - side), side


class Blend:
    """The mean of a runner's outputs over the last moment.

    Args:
        spec: The runner's output.
        last_s: How long an output counts, seconds of capture time.
    """

    def __init__(self, spec: TensorSpec, last_s: float = _LAST_S) -> None:
        self._rounds = spec.dtype != "float32"
        self._dtype = np.dtype(spec.dtype)
        self._last_s = last_s
        self._kept: Deque[Tuple[float, np.ndarray]] = collections.deque()
        self._sum: Optional[np.ndarray] = None

    def add(self, output: np.ndarray, captured_s: float) -> np.ndarray:
        """Take in an output; returns the mean, of the same shape and dtype, integers rounded to nearest.

        Args:
            output: Of the runner; copied.
            captured_s: Capture time of its frame, seconds; a clock that goes back begins anew.
        """
        kept = self._kept
        if kept and captured_s < kept[-1][0]:
            self.forget()
        values = output.astype(np.float64)
        total = self._sum = values.copy() if self._sum is None else self._sum
        if kept:
            total += values
        kept.append((captured_s, values))
        while captured_s - kept[0][0] >= self._last_s or len(kept) > _MOST:
            total -= kept.popleft()[1]
        mean = total / len(kept)
        if self._rounds:
            np.rint(mean, out=mean)
        return mean.astype(self._dtype)

    def forget(self) -> None:
        """Begin anew: the camera was away."""
        self._kept.clear()
        self._sum = None
