"""One query at a time, the next when the last is answered: the loop behind every benchmark.

The rules follow MLPerf's SingleStream scenario without calling it so: warm-up first, at least so
many queries and so long, the 90th percentile is the headline. The clock's boundaries are the
application's own stages.
"""

from __future__ import annotations

import array
import dataclasses
import time
from typing import List, Sequence

import numpy as np

from target.errors import DataError
from target.manifest import Manifest
from target.measure.clock import END_TO_END, INFERENCE, STAGES, StageClock
from target.runners.base import Runner
from target.vision.postprocess import make_postprocessor
from target.vision.preprocess import Preprocessor

LEAST_QUERIES = 1024
LEAST_S = 1.0  # below that, other work on the machine does not show
_MOST_QUERIES = 1_000_000
_STAMPS = len(STAGES) + 1


@dataclasses.dataclass(frozen=True)
class BenchConfig:
    """How a runner is measured.

    Attributes:
        queries: Counted queries, at least.
        duration_s: Of the counted queries, at least.
        warmup: Queries before that.
        threads: Largest number of threads of the throughput runs; 0 for none.
        throughput_s: Of each throughput run.
        energy: Whether energy is measured where a sensor is.
    """

    queries: int = LEAST_QUERIES
    duration_s: float = 10.0
    warmup: int = 50
    threads: int = 0
    throughput_s: float = 2.0
    energy: bool = True


@dataclasses.dataclass(frozen=True)
class SingleStream:
    """What the loop leaves.

    Attributes:
        clock: Durations of every stage of every query.
        queries: Counted.
        seconds: Wall clock of all of them.
        overhead_us: Of the benchmark itself, a query: wall clock outside the stages.
    """

    clock: StageClock
    queries: int
    seconds: float
    overhead_us: float


def run_single_stream(
    runner: Runner, manifest: Manifest, images: Sequence[np.ndarray], config: BenchConfig
) -> SingleStream:
    """Measure a runner.

    Args:
        runner: Ready to infer.
        manifest: Of the model.
        images: Frames as a camera gives them, already decoded; repeated as often as needed.
        config: How.

    Raises:
        DataError: If there is no image.
    """
    if not len(images):
        raise DataError("benchmark must have at least one image, got none")
    frames = list(images)
    preprocess = Preprocessor(manifest, runner.input)
    postprocess = make_postprocessor(manifest, runner)
    for index in range(config.warmup):
        postprocess(runner.infer(preprocess(frames[index % len(frames)])))
    now = time.perf_counter
    stamps = array.array("d")
    index, least, most = 0, config.queries, max(config.queries, _MOST_QUERIES)
    started = now()
    deadline = started + config.duration_s
    while index < least or (now() < deadline and index < most):
        begin = now()
        frame = frames[index % len(frames)]
        captured = now()
        tensor = preprocess(frame)
        prepared = now()
        runner.put(tensor)
        put = now()
        runner.execute()
        executed = now()
        output = runner.take()
        taken = now()
        postprocess(output)
        stamps.extend((begin, captured, prepared, put, executed, taken, now()))
        index += 1
    return _evaluate(stamps, index, now() - started)


def _evaluate(stamps: array.array[float], queries: int, seconds: float) -> SingleStream:
    """Turn the moments of every query into the durations of its stages."""
    table = np.frombuffer(stamps, dtype=np.float64).reshape(queries, _STAMPS)
    durations = np.diff(table, axis=1)
    clock = StageClock()
    for column, stage in enumerate(STAGES):
        clock.extend(stage, durations[:, column].tolist())
    first, last = STAGES.index("copy_in"), STAGES.index("copy_out") + 1
    clock.extend(INFERENCE, (table[:, last] - table[:, first]).tolist())
    whole: List[float] = (table[:, -1] - table[:, 0]).tolist()
    clock.extend(END_TO_END, whole)
    overhead = (seconds - sum(whole)) / queries * 1e6
    return SingleStream(clock, queries, seconds, round(max(overhead, 0.0), 3))
