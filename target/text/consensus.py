"""When a letter counts: it has been seen for a while, in capture time, with few frames that disagree.

A letter counts once it was the answer for `dwell_s` seconds within the last `dwell_s / agreement`
seconds. Time decides, not the number of frames, so that 10 and 60 frames a second spell alike; a
gap in the stream counts for little, so that at least three frames must agree.
"""

from __future__ import annotations

import collections
import dataclasses
from typing import Deque, Dict, NamedTuple, Optional

_LEAST_FRAMES = 3


@dataclasses.dataclass(frozen=True)
class ConsensusConfig:
    """When a letter counts.

    Attributes:
        dwell_s: How long it must be seen, seconds of capture time.
        agreement: Share of the recent time in which it must be the answer, above 0, at most 1.
    """

    dwell_s: float = 0.5
    agreement: float = 0.7


class Leader(NamedTuple):
    """The letter that recent frames agree on most.

    Attributes:
        letter: None if no frame had one.
        progress: How near it is to counting, 0-1.
    """

    letter: Optional[str]
    progress: float


class _Seen(NamedTuple):
    at_s: float
    letter: Optional[str]
    seconds: float


class Consensus:
    """Collects the answers of recent frames.

    Args:
        config: When a letter counts.
    """

    def __init__(self, config: ConsensusConfig) -> None:
        self.config = config
        self._seen: Deque[_Seen] = collections.deque()
        self._seconds: Dict[Optional[str], float] = {}
        self._last_s: Optional[float] = None

    def add(self, letter: Optional[str], captured_s: float) -> Leader:
        """Take in a frame's answer; returns who leads now.

        Args:
            letter: None for a frame that says nothing.
            captured_s: Its capture time, seconds; a clock that goes back counts as standing still.
        """
        config = self.config
        since = captured_s - self._last_s if self._last_s is not None else 0.0
        gap = min(max(since, 0.0), config.dwell_s / _LEAST_FRAMES)
        self._last_s = captured_s
        self._seen.append(_Seen(captured_s, letter, gap))
        self._seconds[letter] = self._seconds.get(letter, 0.0) + gap
        window = config.dwell_s / config.agreement
        while len(self._seen) > 1 and captured_s - self._seen[0].at_s >= window:
            old = self._seen.popleft()
            self._seconds[old.letter] -= old.seconds
        return self._leader()

    def forget(self, captured_s: Optional[float] = None) -> None:
        """Begin anew: what was seen until now has been used.

        Args:
            captured_s: Of the frame that it was used with; None if the next frame is the first.
        """
        self._last_s = captured_s
        self._seen.clear()
        self._seconds.clear()

    def _leader(self) -> Leader:
        named = {name: held for name, held in self._seconds.items() if name is not None}
        if not named:
            return Leader(None, 0.0)
        best = max(named, key=lambda name: named[name])
        if not self.config.dwell_s:
            return Leader(best, 1.0)
        # A hair less than the whole: sums of frame times are not exact.
        return Leader(best, min(named[best] / self.config.dwell_s + 1e-6, 1.0))
