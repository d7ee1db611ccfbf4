"""When a letter counts: it has been seen for a while, in capture time, with few frames that disagree.

A letter counts once it was the answer for `dwell_s` seconds within the last `dwell_s / agreement`
seconds, with a mean confidence of at least `min_confidence`. Time decides, not the number of frames, so
that 10 and 60 frames a second spell alike; a gap in the stream counts for little, so that at least three
frames must agree.
"""

from __future__ import annotations

import collections
import dataclasses
from typing import Deque, Dict, List, NamedTuple, Optional

_LEAST_FRAMES = 3
_FLOOR = 0.5  # of the least confidence: a frame below it has no answer at all


@dataclasses.dataclass(frozen=True)
class ConsensusConfig:
    """When a letter counts.

    Attributes:
        dwell_s: How long it must be seen, seconds of capture time.
        agreement: Share of the recent time in which it must be the answer, above 0, at most 1.
        min_confidence: Least mean confidence of the frames that say so, 0-1.
    """

    dwell_s: float = 0.5
    agreement: float = 0.5
    min_confidence: float = 0.5


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
    sure_s: float


class Consensus:
    """Collects the answers of recent frames.

    Args:
        config: When a letter counts.
    """

    def __init__(self, config: ConsensusConfig) -> None:
        self.config = config
        self._seen: Deque[_Seen] = collections.deque()
        self._sums: Dict[Optional[str], List[float]] = {}  # seconds, and seconds times confidence
        self._last_s: Optional[float] = None

    def add(self, letter: Optional[str], captured_s: float, confidence: float = 1.0) -> Leader:
        """Take in a frame's answer; returns who leads now.

        Args:
            letter: None for a frame that says nothing.
            captured_s: Its capture time, seconds; a clock that goes back counts as standing still.
            confidence: Of the answer, 0-1.
        """
        config = self.config
        if confidence < _FLOOR * config.min_confidence:
            letter = None
        since = captured_s - self._last_s if self._last_s is not None else 0.0
        gap = min(max(since, 0.0), config.dwell_s / _LEAST_FRAMES)
        self._last_s = captured_s
        self._count(_Seen(captured_s, letter, gap, gap * confidence), 1.0)
        window = config.dwell_s / config.agreement
        while len(self._seen) > 1 and captured_s - self._seen[0].at_s >= window:
            self._count(self._seen[0], -1.0)
        return self._leader(letter, confidence)

    def forget(self, captured_s: Optional[float] = None) -> None:
        """Begin anew: what was seen until now has been used.

        Args:
            captured_s: Of the frame that it was used with; None if the next frame is the first.
        """
        self._last_s = captured_s
        self._seen.clear()
        self._sums.clear()

    def _count(self, seen: _Seen, sign: float) -> None:
        """Take a frame in at the end (1) or out at the beginning (-1)."""
        if sign > 0:
            self._seen.append(seen)
        else:
            self._seen.popleft()
        sums = self._sums.setdefault(seen.letter, [0.0, 0.0])
        sums[0] += sign * seen.seconds
        sums[1] += sign * seen.sure_s

    def _leader(self, letter: Optional[str], confidence: float) -> Leader:
        config = self.config
        if not config.dwell_s:
            sure = letter is not None and confidence >= config.min_confidence
            return Leader(letter if sure else None, 1.0 if sure else 0.0)
        named = {name: sums[0] for name, sums in self._sums.items() if name is not None}
        if not named:
            return Leader(None, 0.0)
        best = max(named, key=lambda name: named[name])
        held, sure_s = self._sums[best]
        # A hair less than the whole: sums of frame times are not exact.
        progress = min(held / config.dwell_s + 1e-6, 1.0)
        mean = sure_s / held if held > 0 else 0.0
        if mean < config.min_confidence:
            progress *= mean / config.min_confidence
        return Leader(best, progress)
