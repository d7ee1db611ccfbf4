"""Stage clocks: how long each stage of each frame took. Standard library only."""

from __future__ import annotations

from typing import Dict, Iterable, List

from target.measure.percentiles import summarize_ms

# One after the other; together they are what happens to a frame.
STAGES = ("capture", "preprocess", "copy_in", "infer", "copy_out", "postprocess")
# The same of a stream, whose stages overlap: what a frame waits for between them counts too.
STREAM_STAGES = (
    "capture",
    "preprocess",
    "track",
    "wait",
    "copy_in",
    "infer",
    "copy_out",
    "postprocess",
)
# copy_in, infer, copy_out together: what is compared between runners.
INFERENCE = "inference"
END_TO_END = "end_to_end"


class StageClock:
    """Collects durations by stage.

    `end_to_end` runs from the moment a frame was captured to the moment its letter is known.
    """

    def __init__(self) -> None:
        self._samples: Dict[str, List[float]] = {}

    def add(self, stage: str, seconds: float) -> None:
        """Add one duration; negative ones (a clock that jumped) count as zero."""
        self._samples.setdefault(stage, []).append(max(seconds, 0.0))

    def extend(self, stage: str, seconds: Iterable[float]) -> None:
        """Add durations in order; negative ones count as zero."""
        self._samples.setdefault(stage, []).extend(max(value, 0.0) for value in seconds)

    def samples(self, stage: str) -> List[float]:
        """Return the durations of a stage, seconds, in order."""
        return self._samples.get(stage, [])

    def summaries(self) -> Dict[str, Dict[str, float]]:
        """Return the summary of every stage that has samples, in milliseconds."""
        summaries = {}
        for stage, samples in self._samples.items():
            summary = summarize_ms(samples)
            if summary is not None:
                summaries[stage] = summary
        return summaries
