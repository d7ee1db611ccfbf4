"""The application: source -> preprocess -> runner -> letters -> outputs, one frame at a time.

    source (grabber) -> feeder -> worker -> presenters        target/camera, target/pipeline

Every stage has a thread, so that capture, preparation and drawing overlap the runner; the main thread
watches over them. It takes a Runner and a Source and never asks what hardware is behind them; the
emulator reaches it the same way as the DPU does.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any, Dict, List, NamedTuple, Optional

import numpy as np

from target.camera.base import Source
from target.errors import (
    EXIT_ERROR,
    EXIT_INTERRUPTED,
    EXIT_OK,
    AppError,
    BackendError,
    SourceError,
    one_line,
)
from target.manifest import Manifest
from target.measure.clock import END_TO_END
from target.measure.record import RunFacts, build_record
from target.pipeline.controls import Controls
from target.pipeline.feeder import Feeder, Prepared
from target.pipeline.presenter import Presenter
from target.pipeline.slot import Slot
from target.pipeline.worker import OWN, SHRINK, Parts, Watch, Worker
from target.runners.base import Runner
from target.service.errands import Errands
from target.service.keeper import Keeper, Pulse
from target.show.base import Sink, View
from target.text.speller import SpellConfig, Speller
from target.text.words import Suggester
from target.vision.postprocess import make_postprocessor
from target.vision.preprocess import Preprocessor
from target.vision.sweep import SHARPER, Blend, Sweep

_LOOK_S = 0.05  # how often the main thread looks at the others
_END_S = 0.35  # for each stage to end when the run was interrupted
_LEAVE_S = 0.9  # for all of them together
_FLUSH_S = 60.0  # for an output of a file to store what is waiting
_FAULT_S = 5.0  # the same after a fault


@dataclasses.dataclass(frozen=True)
class StreamConfig:
    """How a stream is processed.

    Attributes:
        warmup: Inferences on a black frame before anything is counted.
        max_frames: Stop after so many; None for all.
        spell: When a letter counts.
        hang_s: A runner that does not answer for so long ends the run.
        sweep: Whether the crop moves a little from frame to frame and neighbouring answers are averaged:
            for frames that follow one another as a camera's do.
    """

    warmup: int = 10
    max_frames: Optional[int] = None
    spell: SpellConfig = dataclasses.field(default_factory=SpellConfig)
    hang_s: float = 10.0
    sweep: bool = False


class StreamResult(NamedTuple):
    """What a run leaves.

    Attributes:
        record: The run record.
        error: Why it ended early, or which output was lost; None if all went well.
        code: The exit code.
    """

    record: Dict[str, Any]
    error: Optional[AppError]
    code: int


class App:
    """One stream through one runner.

    Args:
        source: Gives the frames; closed by `run`.
        runner: Executes the network; closed by the caller.
        manifest: Of the model.
        sinks: Are shown processed frames; opened and closed here, each in a thread of its own.
        config: How.
        controls: What people change meanwhile; None for nobody.
        suggester: Proposes words; None for none.
        watch: Is told of every processed frame, in the worker's thread.
        keeper: Watches over the stream of a service; None for nobody.
    """

    def __init__(
        self,
        source: Source,
        runner: Runner,
        manifest: Manifest,
        sinks: List[Sink],
        config: StreamConfig,
        controls: Optional[Controls] = None,
        suggester: Optional[Suggester] = None,
        watch: Optional[Watch] = None,
        keeper: Optional[Keeper] = None,
    ) -> None:
        self.controls = controls or Controls(spell=config.spell)
        self._source = source
        self._runner = runner
        self._manifest = manifest
        self._config = config
        self._preprocess = Preprocessor(manifest, runner.input)
        sweep = blend = None
        if config.sweep:
            sweep = Sweep(manifest.input_size, manifest.max_trim)
            blend = Blend(runner.output)
        self._postprocess = make_postprocessor(manifest, runner, SHARPER if config.sweep else 1.0)
        self._speller = Speller(self.controls.spell)
        self._presenters = [Presenter(sink, self.controls, source.live) for sink in sinks]
        self._slot: Slot[Prepared] = Slot(newest_only=source.live)
        self._feeder = Feeder(source, self._preprocess, self.controls, self._slot, sweep)
        parts = Parts(
            self._slot,
            runner,
            self._postprocess,
            self._speller,
            suggester,
            self.controls,
            self._publish,
            watch,
            lambda: self._feeder.trouble,
            self._dropped,
            Errands() if keeper is None else keeper.errands,
            blend,
        )
        self._keeper = keeper
        self._worker = Worker(parts, config.max_frames, source.live, source.fps)
        self._live = source.live
        self._seconds = 0.0
        self._why: List[str] = []

    def run(self) -> StreamResult:
        """Process frames until the source ends, somebody says stop, a signal comes or a stage fails.

        Whatever ends it, what was spelled stands in the result.

        Raises:
            AppError: If not one frame was processed: a runner that fails, an output that does not open, an
                empty source.
        """
        code, error = EXIT_OK, None
        started = time.perf_counter()
        try:
            self._warm_up()
            for presenter in self._presenters:
                presenter.open()
            started = time.perf_counter()
            self._feeder.start()
            self._worker.start()
            if self._keeper is not None:
                self._keeper.begin()
            self._watch_over()
        except (KeyboardInterrupt, SystemExit) as signalled:
            code = _code_of(signalled)
        except AppError as failure:
            if not self._worker.frames and not self._worker.is_alive():
                self._end(keep=False, patience_s=_LEAVE_S)
                raise
            error = failure
        except BaseException:  # a defect of the program: it keeps its traceback, and threads end
            self._end(keep=True, patience_s=_LEAVE_S)
            raise
        self._seconds = time.perf_counter() - started
        patience_s = _LEAVE_S if code else _FLUSH_S if error is None else _FAULT_S
        code = self._finish(code, patience_s)
        error = error or self._lost_output()
        if error is not None:
            self._why.append(one_line(error))
        return StreamResult(self.record(), error, code or (EXIT_ERROR if error else EXIT_OK))

    def _finish(self, code: int, patience_s: float) -> int:
        """End all and keep what was stored; a signal meanwhile shortens the wait. Returns the exit code."""
        try:
            self._end(keep=True, patience_s=patience_s)
        except (KeyboardInterrupt, SystemExit) as signalled:
            code = _code_of(signalled)
            self._end(keep=True, patience_s=_LEAVE_S)
        return code

    def has_left(self) -> bool:
        """Whether an output did not come back: it may hold what others need, stdout for one."""
        return any(one.is_alive() for one in self._presenters)

    def is_hung(self) -> bool:
        """Whether the runner is still busy: it cannot be closed then."""
        return self._worker.is_alive()

    def _warm_up(self) -> None:
        """Run the whole path on a black frame, so that nothing is loaded while frames are counted."""
        size = self._manifest.input_size
        black = np.zeros((size, size, 3), dtype=np.uint8)
        for _ in range(self._config.warmup):
            self._postprocess(self._runner.infer(self._preprocess(black)))

    def _publish(self, view: View) -> None:
        for presenter in self._presenters:
            presenter.put(view)

    def _watch_over(self) -> None:
        """Wait for the end; raise what stopped a stage."""
        while self._worker.is_alive():
            self._worker.join(_LOOK_S)
            self._worker.tally.settle()
            if self._keeper is not None:
                self._keeper.beat(self._pulse())
            busy = self._worker.busy_since_s
            if busy is not None and time.perf_counter() - busy > self._config.hang_s:
                raise BackendError(
                    f"runner '{self._runner.name}' must answer within {self._config.hang_s:g} s, got nothing"
                    " for one frame; on the board see XLNX_DPU_TIMEOUT and restart the run"
                )
        fault = self._worker.fault or self._feeder.fault
        if fault is not None:
            raise fault if isinstance(fault, (AppError, KeyboardInterrupt)) else _as_error(fault)
        if not self._worker.frames and not self.controls.stopped:
            raise SourceError(
                f"source must give at least one frame, got none from {self._source.uri}"
            )

    def _pulse(self) -> Pulse:
        """Return how the stream is; a file's reader may wait for as long as the worker takes."""
        moved_s = self._worker.moved_s
        if self._live and self._feeder.is_alive():
            moved_s = min(moved_s, self._feeder.moved_s)
        still_s = time.perf_counter() - moved_s
        return Pulse(still_s, self._worker.frames, self._feeder.trouble)

    def _end(self, keep: bool, patience_s: float) -> None:
        """End every stage, in the order in which frames pass; again does no harm."""
        until = time.perf_counter() + patience_s
        self.controls.stop()
        if self._keeper is not None:
            self._keeper.end()
        self._slot.clear()
        if self._worker.ident is not None:
            self._worker.join(_END_S)
        if self._feeder.ident is not None:
            self._feeder.join(_END_S)
        # A camera under watch knows how; anything else is not closed under a thread that reads it.
        if not self._feeder.is_alive() or hasattr(self._source, "wait"):
            self._source.close()
        for presenter in self._presenters:
            if presenter.ident is not None:
                presenter.begin_end(keep)
        for presenter in self._presenters:
            if presenter.ident is not None:
                presenter.end(max(until - time.perf_counter(), 0.2))

    def _lost_output(self) -> Optional[AppError]:
        return next(filter(None, (one.lost() for one in self._presenters)), None)

    def _dropped(self) -> int:
        return int(getattr(self._source, "dropped", 0)) + self._slot.dropped

    def record(self) -> Dict[str, Any]:
        """Return the record of what was processed so far."""
        worker, source = self._worker, self._source
        more: Dict[str, Any] = {"outputs": [one.facts() for one in self._presenters]}
        if self._config.sweep:
            more["sweep"] = True
        facts = getattr(source, "facts", None)
        if source.live and facts is not None:
            more["source"] = {"uri": source.uri, **facts()}
        worker.tally.settle()
        timed = worker.tally.clock.summaries()
        age, own, shrink = (timed.pop(name, None) for name in (END_TO_END, OWN, SHRINK))
        if age is not None:
            timed[END_TO_END] = age
        shown = next((one for one in self._presenters if one.shown), None)
        drawing = None if shown is None else shown.drawing.summary_ms()
        if drawing is not None:
            timed["draw"] = drawing
        if source.live:
            more["glass_to_glass_ms"] = age if shown is None else shown.glass_to_glass.summary_ms()
        if own is not None and shrink is not None:
            more["overhead_us"] = round(1000 * own["p50"], 3)
            more["resize_us"] = round(1000 * shrink["p50"], 3)
        return build_record(
            RunFacts(
                task="stream",
                kind=self._runner.kind,
                runner=self._runner.name,
                device=self._runner.device,
                model_name=self._manifest.name,
                model_sha256=self._manifest.sha256,
                frames=worker.frames,
                warmup=self._config.warmup,
                threads=self._runner.threads,
                seconds=self._seconds,
                dropped=self._dropped(),
                frame_age_ms=age if source.live else None,
                text=self._speller.text.strip(),
                why=self._why,
                more=more,
            ),
            timed,
        )


def _code_of(signalled: BaseException) -> int:
    """Return the exit code of Ctrl-C, or of SIGTERM and SIGHUP, which come as SystemExit."""
    if isinstance(signalled, SystemExit):
        return signalled.code if isinstance(signalled.code, int) else EXIT_ERROR
    return EXIT_INTERRUPTED


def _as_error(fault: BaseException) -> BaseException:
    """Return what a stage raised; a library's own complaint as an error of the runner."""
    if isinstance(fault, (RuntimeError, OSError, MemoryError)):
        return BackendError(f"stage of the stream must not fail, got '{one_line(fault)}'")
    return fault
