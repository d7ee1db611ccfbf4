"""When a camera counts as lost: silent, stuck in opening, or showing the same picture for ever.

Nothing here waits or reads a clock: every moment is given, time.perf_counter() seconds.
"""

from __future__ import annotations

import dataclasses
import zlib
from typing import Optional

import numpy as np

_SPARSE = 8  # every so many pixels are looked at to see whether the picture changes
_MOST_DOUBLED = 30
_LONGEST_PATIENCE_S = 3600.0


@dataclasses.dataclass(frozen=True)
class WatchConfig:
    """When a camera counts as lost, and how often it is tried again.

    Attributes:
        stall_s: Without a frame for so long it is opened again.
        same_s: With exactly the same picture for so long as well: sensors have noise. If that does not
            help, it is a covered lens or a still picture; the next time is after twice as long.
        back_off_s: Before the second attempt in a row; each further wait is twice as long ...
        longest_s: ... up to this.
        keep_trying: Without it the first loss is an error.
        open_s: Opening may take so long; streams over a network need seconds.
        await_first: A camera that cannot be opened the first time is an error; else it is tried again.
    """

    stall_s: float = 3.0
    same_s: float = 5.0
    back_off_s: float = 0.5
    longest_s: float = 10.0
    keep_trying: bool = True
    open_s: float = 15.0
    await_first: bool = True


def pause_s(config: WatchConfig, losses: int) -> float:
    """Return how long to wait before a camera is opened again.

    Args:
        config: Of the camera.
        losses: In a row, before this one.
    """
    if not losses:
        return 0.0
    doubled = min(losses - 1, _MOST_DOUBLED)  # nights are long: 2.0**1024 is no number
    return float(min(config.back_off_s * 2.0**doubled, config.longest_s))


def mark_of(image: np.ndarray) -> int:
    """Return a number that changes when the picture does; image is uint8 (h, w, 3) or (h, w)."""
    return zlib.crc32(image[::_SPARSE, ::_SPARSE].tobytes(), image.shape[0])


class Health:
    """How one camera is.

    Args:
        config: When it counts as lost.
        now_s: Now; it is being opened.
    """

    def __init__(self, config: WatchConfig, now_s: float) -> None:
        self._config = config
        self._mark: Optional[int] = None
        self._patience_s = config.same_s
        self.begin(now_s)

    def begin(self, now_s: float) -> None:
        """Note that it is being opened."""
        self._is_opening, self._has_given = True, False
        self._garbage = ""
        self._begun_s = self._heard_s = self._moved_s = now_s

    def opened(self, now_s: float) -> None:
        """Note that it is open."""
        self.begin(now_s)
        self._is_opening = False

    def spoil(self, what: str) -> None:
        """Note that it gave something that is no picture."""
        self._garbage = what

    def hear(self, mark: int, now_s: float) -> bool:
        """Note a picture.

        Args:
            mark: Of `mark_of`.
            now_s: Now.

        Returns:
            Whether it is another picture than the one before.
        """
        self._heard_s, self._has_given, self._garbage = now_s, True, ""
        if mark == self._mark:
            return False
        self._mark, self._moved_s = mark, now_s
        self._patience_s = self._config.same_s
        return True

    def is_steady(self, now_s: float) -> bool:
        """Whether it has been open for long enough to forget earlier losses."""
        return not self._is_opening and now_s - self._begun_s > self._config.stall_s

    def silence(self, now_s: float) -> str:
        """Return why it counts as lost for giving nothing; empty if it does not."""
        seconds = now_s - self._heard_s
        if self._is_opening:
            return f"not open after {seconds:.0f} s" if seconds > self._config.open_s else ""
        if seconds <= self._config.stall_s:
            return ""
        if self._garbage:
            return f"no picture for {seconds:.0f} s, only {self._garbage}"
        return f"no frame for {seconds:.0f} s"

    def stillness(self, now_s: float) -> str:
        """Return why it counts as lost for its picture; empty if it does not."""
        seconds = now_s - self._moved_s
        if not self._has_given or seconds <= self._patience_s:
            return ""
        return f"the same picture for {seconds:.0f} s"

    def lose(self, still: bool) -> None:
        """Note that it is given up, and whether for its picture."""
        if not still:
            self._mark = None  # whatever it gives next is news
        elif self._patience_s < _LONGEST_PATIENCE_S:
            self._patience_s *= 2
