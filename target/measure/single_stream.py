"""One query at a time, the next when the last is answered: the loop behind every benchmark.

The rules follow MLPerf's SingleStream scenario without calling it so: warm-up first, the 90th
percentile is the headline. The clock's boundaries are the application's own: preprocess, infer,
postprocess.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from target.errors import DataError
from target.manifest import Manifest
from target.measure.clock import StageClock
from target.measure.record import RunFacts, build_record
from target.runners.base import Runner
from target.vision.postprocess import Postprocessor
from target.vision.preprocess import Preprocessor


@dataclasses.dataclass(frozen=True)
class BenchConfig:
    """How a runner is measured.

    Attributes:
        frames: Counted queries.
        warmup: Queries before that.
    """

    frames: int = 1024
    warmup: int = 50


def single_stream(
    runner: Runner,
    manifest: Manifest,
    images: Sequence[np.ndarray],
    truth: Optional[List[str]],
    config: BenchConfig,
) -> Dict[str, Any]:
    """Measure a runner.

    Args:
        runner: Ready to infer.
        manifest: Of the model.
        images: Frames as a camera gives them, already decoded; repeated as often as needed.
        truth: Their letters, for the accuracy over the images that were used; None if unknown.
        config: How.

    Returns:
        The run record.

    Raises:
        DataError: If there is no image.
    """
    if not len(images):
        raise DataError("benchmark must have at least one image, got none")
    preprocess = Preprocessor(manifest, runner.input)
    postprocess = Postprocessor(manifest.classes, runner.output, runner.gives_probabilities)
    for index in range(config.warmup):
        postprocess(runner.infer(preprocess(images[index % len(images)])))
    clock, now = StageClock(), time.perf_counter
    letters = []
    started = now()
    for index in range(config.frames):
        begin = now()
        tensor = preprocess(images[index % len(images)])
        prepared = now()
        output = runner.infer(tensor)
        inferred = now()
        prediction = postprocess(output)
        done = now()
        clock.add("preprocess", prepared - begin)
        clock.add("infer", inferred - prepared)
        clock.add("postprocess", done - inferred)
        clock.add("end_to_end", done - begin)
        letters.append(prediction.letter)
    facts = RunFacts(
        task="bench",
        kind=runner.kind,
        runner=runner.name,
        device=runner.device,
        model_name=manifest.name,
        model_sha256=manifest.sha256,
        frames=config.frames,
        warmup=config.warmup,
        threads=runner.threads,
        seconds=now() - started,
        accuracy=_accuracy(letters, truth),
    )
    return build_record(facts, clock)


def _accuracy(letters: List[str], truth: Optional[List[str]]) -> Optional[float]:
    if truth is None or not letters:
        return None
    counted = min(len(letters), len(truth))  # repeats of an image say nothing new
    right = sum(given == wanted for given, wanted in zip(letters[:counted], truth[:counted]))
    return round(right / counted, 6)
