"""J and Z: letters that are written in the air, told by the path of a hand that keeps its shape.

J is the hand of an I whose little finger draws a hook; Z is a pointing index finger (read as D, or
as what looks like it) that draws the letter. A path is compared with the letter's own by shape
alone: resampled, moved to its centre, brought to one size, then the cosine between the two, as in
Li, Protractor: a fast and accurate gesture recognizer, 2010, but without turning it.
"""

from __future__ import annotations

import collections
import dataclasses
import math
from typing import Deque, List, NamedTuple, Optional, Tuple

import numpy as np

POINTS = 32
_REST = 0.05  # of its length, that a path may wander before it begins
_SHORTEST_S = 1 / 90  # between two sightings that are kept
# Right and down in the picture, as the viewer of the signer sees a right hand; the left is mirrored.
_PATHS = {
    "J": [(0.0, 0.0), (0.0, 0.25), (0.0, 0.5), (0.10, 0.67), (0.30, 0.70), (0.42, 0.5)],
    "Z": [(0.7, 0.0), (0.0, 0.0), (0.7, 0.6), (0.0, 0.6)],
}
# Which still letters a hand in motion may be read as while it writes.
HANDS = {"J": "I", "Z": "DGXLQPKT"}


@dataclasses.dataclass(frozen=True)
class StrokeConfig:
    """What counts as writing in the air; lengths are shares of the side of the network's crop.

    Attributes:
        speed: From which a hand is moving, sides a second.
        least: Size of the path, the larger of width and height.
        flat: Least ratio of the path's smaller extent to its larger one: a straight line is no letter.
        windows_s: Durations of which a path may be.
        likeness: Least cosine between the path and the letter's.
        share: Least share of the frames of the path that show the letter's hand.
        settle_s: How long no better path may come before the best one counts.
    """

    speed: float = 0.16
    least: float = 0.14
    flat: float = 0.35
    windows_s: Tuple[float, ...] = (0.5, 0.65, 0.8, 0.95, 1.1, 1.25, 1.5, 1.8, 2.2)
    likeness: float = 0.9
    share: float = 0.5
    settle_s: float = 0.12


class Sighting(NamedTuple):
    """What a stroke needs of one frame.

    Attributes:
        at_s: Capture time.
        place: Of the hand, sides of the crop right and down of anywhere fixed.
        letter: The best still letter, however unsure; None if there is no hand.
    """

    at_s: float
    place: Tuple[float, float]
    letter: Optional[str]


class Stroke(NamedTuple):
    """A letter that was written in the air, and when its path began."""

    letter: str
    start_s: float


class _Found(NamedTuple):
    likeness: float
    letter: str
    start_s: float
    end_s: float


def shape_of(path: np.ndarray) -> np.ndarray:
    """Return a path's shape: POINTS points at equal steps along it, about its centre, of length one.

    Args:
        path: float (n, 2), n at least 2, of some length.

    Returns:
        float64 (2 * POINTS,).
    """
    steps = np.hypot(*np.diff(path, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    wanted = np.linspace(0.0, along[-1], POINTS)
    points = np.stack([np.interp(wanted, along, path[:, axis]) for axis in (0, 1)], axis=1)
    points -= points.mean(axis=0)
    return np.asarray(points.ravel() / max(float(np.linalg.norm(points)), 1e-12))


def _begin_of(path: np.ndarray) -> int:
    """Return where a path that begins with a resting hand leaves its place."""
    along = np.cumsum(np.hypot(*np.diff(path, axis=0).T))
    return int(np.searchsorted(along, _REST * along[-1]))


def _templates() -> List[Tuple[str, np.ndarray]]:
    both = []
    for letter, path in _PATHS.items():
        for sense in (1.0, -1.0):
            both.append((letter, shape_of(np.array(path) * (sense, 1.0))))
    return both


class Strokes:
    """Watches a hand and says when it has written J or Z.

    Letters follow each other without a rest, so at every frame the way of the last half second, of the
    last 0.65 s and so on is compared; the best likeness counts once none better follows.

    Args:
        config: What counts.
    """

    def __init__(self, config: StrokeConfig = StrokeConfig()) -> None:
        self.moving = False
        self._config = config
        self._templates = _templates()
        self._seen: Deque[Sighting] = collections.deque()
        self._best: Optional[_Found] = None

    def add(self, sighting: Sighting) -> Optional[Stroke]:
        """Take in a frame; returns what has just been written, else None."""
        if len(self._seen) > 1 and sighting.at_s - self._seen[-2].at_s < _SHORTEST_S:
            self._seen.pop()  # more than a path needs, and without end if time stands still
        self._seen.append(sighting)
        while sighting.at_s - self._seen[0].at_s > self._config.windows_s[-1] + 0.2:
            self._seen.popleft()
        self.moving = self._speed() >= self._config.speed
        if self.moving:
            found = self._read()
            if found is not None and (self._best is None or found.likeness >= self._best.likeness):
                self._best = found
        if self._best is None:
            return None
        if self.moving and sighting.at_s - self._best.end_s < self._config.settle_s:
            return None
        written = Stroke(self._best.letter, self._best.start_s)
        self._best = None
        self._seen = collections.deque([self._seen[-1]])
        return written

    def forget(self) -> None:
        """Begin anew, as after a camera came back."""
        self._seen.clear()
        self._best = None
        self.moving = False

    def _speed(self) -> float:
        """Return the hand's speed over the last frames, sides a second."""
        last = self._seen[-1]
        for earlier in reversed(self._seen):
            passed = last.at_s - earlier.at_s
            if passed >= 0.06:
                right, down = (last.place[axis] - earlier.place[axis] for axis in (0, 1))
                return math.hypot(right, down) / passed
        return 0.0

    def _read(self) -> Optional[_Found]:
        """Return the best path that ends now, if it is a letter's."""
        config, now = self._config, self._seen[-1].at_s
        times = np.array([one.at_s for one in self._seen])
        places = np.array([one.place for one in self._seen])
        best: Optional[_Found] = None
        for window in config.windows_s:
            first = int(np.searchsorted(times, now - window - 1e-6))
            path = places[first:]
            if times[0] > now - window + 0.1 or len(path) < 4:
                break
            extent = np.ptp(path, axis=0)
            if extent.max() < config.least or extent.min() < config.flat * extent.max():
                continue
            shape = shape_of(path)
            for letter, template in self._templates:
                like = float(shape @ template)
                if like < config.likeness or (best is not None and like <= best.likeness):
                    continue
                if self._share_of(letter, first) >= config.share:
                    best = _Found(like, letter, float(times[first + _begin_of(path)]), now)
        return best

    def _share_of(self, letter: str, first: int) -> float:
        """Return the share of the frames from `first` on that show the letter's hand."""
        shown = [one.letter for one in self._seen][first:]
        return sum(one is not None and one in HANDS[letter] for one in shown) / len(shown)
