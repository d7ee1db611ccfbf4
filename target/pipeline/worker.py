"""The middle stage: one frame at a time through the runner, and from its answer to letters and text."""

from __future__ import annotations

import collections
import dataclasses
import threading
import time
from typing import Callable, Deque, Optional, Tuple

from target.measure.clock import END_TO_END, INFERENCE, STREAM_STAGES
from target.measure.durations import Tally
from target.pipeline.controls import Controls
from target.pipeline.feeder import Prepared
from target.pipeline.slot import Slot
from target.pipeline.stage import Stage
from target.runners.base import Runner
from target.service.errands import Errands
from target.show.base import View
from target.text.speller import Speller, Spelling
from target.text.words import Suggester
from target.vision.postprocess import Postprocessor, Prediction
from target.vision.sweep import Blend

IDLE_S = 0.25  # without a frame for so long people are told

OWN, SHRINK = "own", "shrink"
TIMED = (*STREAM_STAGES, INFERENCE, END_TO_END, OWN, SHRINK)

Watch = Callable[[Prepared, Prediction, Spelling], None]


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


@dataclasses.dataclass(frozen=True)
class Parts:
    """What a worker works with.

    Attributes:
        slot: Gives what is prepared.
        runner: Executes the network.
        postprocess: Of the model and the runner.
        speller: Collects letters.
        suggester: Proposes words; None without a word list.
        controls: What people ask for.
        publish: Takes every view.
        watch: Is told of every frame; None for nobody.
        trouble: Says what is wrong with the source.
        dropped: Says how many frames were dropped.
        errands: Done between two frames.
        blend: Averages outputs of neighbouring frames; None to take each for itself.
    """

    slot: Slot[Prepared]
    runner: Runner
    postprocess: Postprocessor
    speller: Speller
    suggester: Optional[Suggester]
    controls: Controls
    publish: Callable[[View], None]
    watch: Optional[Watch]
    trouble: Callable[[], str]
    dropped: Callable[[], int]
    errands: Errands
    blend: Optional[Blend] = None


class Worker(Stage):
    """Processes what is prepared.

    Args:
        parts: What it works with.
        max_frames: Stop after so many; None for all.
        live: Whether frames come from a camera.
        fps: Of a file, whose own time dwelling is counted in; None for the clock's.

    Attributes:
        fault: What stopped it; None if all is well.
        frames: Processed so far.
        busy_since_s: When the runner was given a frame that it has not answered; None if it is idle.
        moved_s: When it last began to look for something to do.
        tally: Of TIMED, frame by frame.
    """

    def __init__(
        self, parts: Parts, max_frames: Optional[int], live: bool, fps: Optional[float]
    ) -> None:
        super().__init__("worker")
        self.fault: Optional[BaseException] = None
        self.frames = 0
        self.busy_since_s: Optional[float] = None
        self.moved_s = time.perf_counter()
        self.tally = Tally(TIMED)
        self._parts = parts
        self._max_frames = max_frames
        self._live = live
        self._fps = None if live else fps
        self._meter = _Meter()
        self._last = View(None, None, Spelling())
        self._was_in_trouble = False
        self._word: Tuple[str, Tuple[str, ...]] = ("", ())

    def work(self) -> None:
        """Work until nothing more is prepared or somebody stops."""
        try:
            while not self._parts.controls.stopped and not self._is_enough():
                self.moved_s = time.perf_counter()
                if self._parts.errands.waiting:
                    self._do_errands()
                prepared = self._parts.slot.get(IDLE_S)
                self._parts.controls.apply(self._parts.speller)
                if prepared is not None:
                    self._process(prepared)
                elif self._parts.slot.closed:
                    break
                else:
                    self._idle()
        except BaseException as error:  # handed on to whoever runs the pipeline, whatever it is
            self.fault = error
        self._parts.slot.clear()

    def _is_enough(self) -> bool:
        return self._max_frames is not None and self.frames >= self._max_frames

    def _do_errands(self) -> None:
        self.busy_since_s = self.moved_s
        self._parts.errands.carry_out()
        self.busy_since_s = None

    def _process(self, prepared: Prepared) -> None:
        runner, now = self._parts.runner, time.perf_counter
        begin = now()
        self.busy_since_s = begin
        runner.put(prepared.tensor)
        put = now()
        runner.execute()
        executed = now()
        output = runner.take()
        taken = now()
        self.busy_since_s = None
        captured_s, blend = self._time_of(prepared), self._parts.blend
        if self._was_in_trouble:
            self._parts.speller.interrupt()
            if blend is not None:
                blend.forget()
            self._was_in_trouble = False
        if blend is not None:
            output = blend.add(output, captured_s)
        prediction = self._parts.postprocess(output)
        spelling = self._parts.speller.add(prediction, captured_s, prepared.place)
        done = now()
        self.frames += 1
        stages = (
            prepared.capture_s,
            prepared.preprocess_s,
            prepared.track_s,
            begin - prepared.ready_s,
            put - begin,
            executed - put,
            taken - executed,
            done - taken,
        )
        self._publish(prepared, prediction, spelling, stages, done)
        if self._parts.watch is not None:
            self._parts.watch(prepared, prediction, spelling)
        # What is neither the crop's shrinking nor the runner, the camera or an output.
        own = prepared.preprocess_s - prepared.shrink_s + now() - taken
        age = done - prepared.frame.captured_s
        self.tally.add((*stages, taken - begin, age, own, prepared.shrink_s))

    def _time_of(self, prepared: Prepared) -> float:
        """Return the time that dwelling is counted in: of a file, its own; of a camera, the clock's."""
        if self._fps:
            return prepared.frame.index / self._fps
        return prepared.frame.captured_s

    def _publish(
        self,
        prepared: Prepared,
        prediction: Prediction,
        spelling: Spelling,
        stages: Tuple[float, ...],
        done: float,
    ) -> None:
        parts = self._parts
        self._last = View(
            prepared.frame,
            prediction,
            spelling,
            self._suggestions(spelling.text),
            self._meter.tick(done),
            parts.dropped(),
            prepared.square,
            prepared.gray,
            parts.runner.name,
            True,
            parts.trouble(),
            stages,
            done,
            self._time_of(prepared),
            self.frames,
            self._live,
            parts.controls.mirrored,
            parts.controls.left_handed,
            parts.blend is not None,
        )
        parts.publish(self._last)

    def _suggestions(self, text: str) -> Tuple[str, ...]:
        """Return what the last word may have been meant to be; looked up once a word."""
        suggester = self._parts.suggester
        if suggester is None:
            return ()
        word = text.rstrip(" ").rpartition(" ")[2]
        if word != self._word[0]:
            self._word = word, tuple(suggester(word))
        return self._word[1]

    def _idle(self) -> None:
        """Tell people that there is no frame, and what they changed meanwhile."""
        trouble = self._parts.trouble() or "waiting for a frame"
        self._was_in_trouble = self._was_in_trouble or bool(self._parts.trouble())
        text = self._parts.speller.text
        spelling = self._last.spelling._replace(text=text, added="", progress=0.0)
        self._parts.publish(
            dataclasses.replace(
                self._last,
                spelling=spelling,
                suggestions=self._suggestions(text),
                fps=0.0,
                fresh=False,
                trouble=trouble,
                dropped=self._parts.dropped(),
                memo={},
                lock=threading.Lock(),
            )
        )
