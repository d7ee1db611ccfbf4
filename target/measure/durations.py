"""Durations of a run that may never end: exact while they are few, then a histogram of fixed size."""

from __future__ import annotations

import collections
import math
from typing import Deque, Dict, List, Optional, Tuple

from target.measure.percentiles import PERCENTILES, summarize_ms

EXACT = 4096  # values kept one by one
_LEAST_S = 1e-7
_STEP = 1.005  # width of a bin: a percentile is off by at most half a per cent
_PER_LOG = 1 / math.log(_STEP)
_BINS = math.ceil(math.log(1e5 / _LEAST_S) / math.log(_STEP))


class Durations:
    """Collects seconds in bounded memory; minimum, mean and maximum stay exact."""

    def __init__(self) -> None:
        self.count = 0
        self._exact: Optional[List[float]] = []
        self._bins: List[int] = []
        self._sum = 0.0
        self._least = math.inf
        self._most = 0.0

    def add(self, seconds: float) -> None:
        """Add one duration; a negative one (a clock that jumped) counts as zero."""
        value = seconds if seconds > 0 else 0.0
        self.count += 1
        if self._exact is not None:
            self._exact.append(value)
            if len(self._exact) >= EXACT:
                self._fold()
            return
        self._count(value)

    def summary_ms(self) -> Optional[Dict[str, float]]:
        """Return min, mean, p50 ... p99_9, max in milliseconds; None without a duration."""
        if self._exact is not None:
            return summarize_ms(self._exact)
        summary = {"min": self._least, "mean": self._sum / self.count}
        for name, share in PERCENTILES.items():
            summary[name] = self._percentile(share)
        summary["max"] = self._most
        return {name: round(1000 * value, 6) for name, value in summary.items()}

    def _fold(self) -> None:
        exact, self._exact = self._exact or [], None
        self._bins = [0] * (_BINS + 1)
        for value in exact:
            self._count(value)

    def _count(self, value: float) -> None:
        place = int(math.log(max(value, _LEAST_S) / _LEAST_S) * _PER_LOG)
        self._bins[min(place, _BINS)] += 1
        self._sum += value
        self._least = min(self._least, value)
        self._most = max(self._most, value)

    def _percentile(self, share: float) -> float:
        """Return the value with index int(n * share) of the sorted durations, to half a per cent."""
        wanted = min(int(self.count * share), self.count - 1)
        passed = 0
        for place, many in enumerate(self._bins):
            passed += many
            if passed > wanted:
                middle: float = _LEAST_S * _STEP ** (place + 0.5)
                return min(max(middle, self._least), self._most)
        return self._most


class Tally:
    """Collects the durations of frames where time is short, to be counted elsewhere later.

    `add` is for one thread, `settle` for another.
    """

    def __init__(self, stages: Tuple[str, ...]) -> None:
        self.clock = StreamClock()
        self._stages = stages
        self._waiting: Deque[Tuple[float, ...]] = collections.deque()

    def add(self, seconds: Tuple[float, ...]) -> None:
        """Take in one frame's durations, in the order of the stages."""
        self._waiting.append(seconds)

    def settle(self) -> None:
        """Count what is waiting."""
        while self._waiting:
            for stage, seconds in zip(self._stages, self._waiting.popleft()):
                self.clock.add(stage, seconds)


class StreamClock:
    """Durations by stage, of a run that may never end."""

    def __init__(self) -> None:
        self._stages: Dict[str, Durations] = {}

    def add(self, stage: str, seconds: float) -> None:
        """Add one duration of a stage."""
        if stage not in self._stages:
            self._stages[stage] = Durations()
        self._stages[stage].add(seconds)

    def summary_ms(self, stage: str) -> Optional[Dict[str, float]]:
        """Return the summary of one stage, in milliseconds; None without a duration."""
        return self._stages[stage].summary_ms() if stage in self._stages else None

    def summaries(self) -> Dict[str, Dict[str, float]]:
        """Return the summary of every stage, in milliseconds, in the order of their first durations."""
        found = {name: durations.summary_ms() for name, durations in self._stages.items()}
        return {name: summary for name, summary in found.items() if summary is not None}
