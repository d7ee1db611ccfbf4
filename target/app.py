"""The application: source -> preprocess -> runner -> postprocess -> letters -> sinks, one frame at a time.

It takes a Runner and a Source and never asks what hardware is behind them; the emulator reaches it
the same way as the DPU does.
"""

from __future__ import annotations

import collections
import dataclasses
import time
from typing import Any, Deque, Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from target.camera.base import Frame, Source
from target.errors import SourceError
from target.manifest import Manifest
from target.measure.clock import StageClock
from target.measure.record import RunFacts, build_record
from target.runners.base import Runner
from target.show.base import Sink, View
from target.text.speller import SpellConfig, Speller
from target.vision.crop import centre_square
from target.vision.postprocess import Postprocessor, Prediction
from target.vision.preprocess import Preprocessor


@dataclasses.dataclass(frozen=True)
class StreamConfig:
    """How a stream is processed.

    Attributes:
        warmup: Inferences on a black frame before anything is counted.
        max_frames: Stop after so many; None for all.
        spell: When a letter counts.
    """

    warmup: int = 10
    max_frames: Optional[int] = None
    spell: SpellConfig = dataclasses.field(default_factory=SpellConfig)


class StreamResult(NamedTuple):
    """What a run leaves.

    Attributes:
        record: The run record.
        letters: The predicted letter of each processed frame, with the frame's index.
        interrupted: True if Ctrl-C ended it.
    """

    record: Dict[str, Any]
    letters: List[Tuple[int, str]]
    interrupted: bool


class _Meter:
    """Processed frames a second over the last second."""

    def __init__(self) -> None:
        self._times: Deque[float] = collections.deque()

    def tick(self, now: float) -> float:
        self._times.append(now)
        while now - self._times[0] > 1.0:
            self._times.popleft()
        span = now - self._times[0]
        return (len(self._times) - 1) / span if span > 0 else 0.0


class App:
    """One stream through one runner.

    Args:
        source: Gives the frames; closed by the caller.
        runner: Executes the network; closed by the caller.
        manifest: Of the model.
        sinks: Are shown every processed frame; closed by the caller.
        config: How.
    """

    def __init__(
        self,
        source: Source,
        runner: Runner,
        manifest: Manifest,
        sinks: List[Sink],
        config: StreamConfig,
    ) -> None:
        self._source = source
        self._runner = runner
        self._manifest = manifest
        self._sinks = sinks
        self._config = config
        self._clock = StageClock()
        self._preprocess = Preprocessor(manifest, runner.input)
        self._postprocess = Postprocessor(
            manifest.classes, runner.output, runner.gives_probabilities, manifest.temperature
        )
        self._speller = Speller(config.spell)
        self._meter = _Meter()
        self._letters: List[Tuple[int, str]] = []
        self._ages_s: List[float] = []
        self._seconds = 0.0

    def run(self) -> StreamResult:
        """Process frames until the source ends, a sink says stop, or Ctrl-C.

        Raises:
            SourceError: If the source fails, or has no frame at all.
        """
        interrupted = False
        self._warm_up()
        started = time.perf_counter()
        try:
            frame = self._read()
            if frame is None:
                raise SourceError(
                    f"source must give at least one frame, got none from {self._source.uri}"
                )
            while frame is not None and self._process(frame) and not self._is_enough():
                frame = self._read()
        except KeyboardInterrupt:
            interrupted = True
        self._seconds = time.perf_counter() - started
        return StreamResult(self.record(), self._letters, interrupted)

    def _warm_up(self) -> None:
        """Run the whole path on a black frame, so that nothing is loaded while frames are counted."""
        size = self._manifest.input_size
        black = np.zeros((size, size, 3), dtype=np.uint8)
        for _ in range(self._config.warmup):
            self._postprocess(self._runner.infer(self._preprocess(black)))

    def _read(self) -> Optional[Frame]:
        started = time.perf_counter()
        frame = self._source.read()
        if frame is not None:
            self._clock.add("capture", time.perf_counter() - started)
        return frame

    def _is_enough(self) -> bool:
        limit = self._config.max_frames
        return limit is not None and len(self._letters) >= limit

    def _process(self, frame: Frame) -> bool:
        """Process one frame; False when a sink wants to stop."""
        clock, now = self._clock, time.perf_counter
        begin = now()
        tensor = self._preprocess(frame.image)
        prepared = now()
        self._runner.put(tensor)
        put = now()
        self._runner.execute()
        executed = now()
        output = self._runner.take()
        taken = now()
        prediction = self._postprocess(output)
        done = now()
        clock.add("preprocess", prepared - begin)
        clock.add("copy_in", put - prepared)
        clock.add("infer", executed - put)
        clock.add("copy_out", taken - executed)
        clock.add("inference", taken - prepared)
        clock.add("postprocess", done - taken)
        clock.add("end_to_end", done - frame.captured_s)
        if self._source.live:
            self._ages_s.append(done - frame.captured_s)
        self._letters.append((frame.index, prediction.letter))
        self._speller.add(prediction, self._time_of(frame))
        return self._show(frame, prediction, done)

    def _time_of(self, frame: Frame) -> float:
        """Return the time that dwelling is counted in: of a file, its own; of a camera, the clock's."""
        if self._source.live or not self._source.fps:
            return frame.captured_s
        return frame.index / self._source.fps

    def _show(self, frame: Frame, prediction: Prediction, done: float) -> bool:
        fps = self._meter.tick(done)
        if not self._sinks:
            return True
        height, width = frame.image.shape[:2]
        manifest = self._manifest
        view = View(
            frame,
            prediction,
            self._speller.text,
            fps,
            (done - frame.captured_s) * 1000,
            self._dropped(),
            centre_square(height, width, manifest.input_size, manifest.max_trim),
            self._runner.name,
        )
        going_on = [sink.show(view) for sink in self._sinks]  # every sink sees every frame
        return all(going_on)

    def _dropped(self) -> int:
        return int(getattr(self._source, "dropped", 0))

    def record(self) -> Dict[str, Any]:
        """Return the record of what was processed so far; dropped frames are the source's count now."""
        facts = RunFacts(
            task="stream",
            kind=self._runner.kind,
            runner=self._runner.name,
            device=self._runner.device,
            model_name=self._manifest.name,
            model_sha256=self._manifest.sha256,
            frames=len(self._letters),
            warmup=self._config.warmup,
            threads=self._runner.threads,
            seconds=self._seconds,
            dropped=self._dropped(),
            frame_ages_s=self._ages_s,
            text=self._speller.text,
        )
        return build_record(facts, self._clock)
