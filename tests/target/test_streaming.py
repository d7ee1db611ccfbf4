"""The application with fake sources and runners: nothing lost from files, nothing stale from cameras."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from target import app as application
from target import errors
from target.app import App, StreamConfig
from target.camera.base import Frame
from target.camera.watched import WatchConfig, WatchedCamera
from target.errors import BackendError, OutputError, SourceError, exit_code_of
from target.manifest import Manifest
from target.measure.clock import STAGES
from target.measure.record import read_records
from target.pipeline.controls import Controls
from target.show.video_file import VideoFileSink
from target.text.speller import SpellConfig
from tests.target.streams import (
    NOTHING,
    FakeCamera,
    FakeFile,
    FakeRunner,
    KeepingSink,
    make_manifest,
)

COLD = StreamConfig(warmup=0)


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return make_manifest(tmp_path)


@pytest.fixture(autouse=True)
def no_thread_is_left() -> object:
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 5
    while set(threading.enumerate()) - before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert set(threading.enumerate()) <= before


def test_a_file_loses_no_frame_and_keeps_their_order(manifest: Manifest) -> None:
    runner, sink, seen = FakeRunner(), KeepingSink(), []
    app = App(
        FakeFile(50),
        runner,
        manifest,
        [sink],
        StreamConfig(warmup=5),
        watch=lambda prepared, prediction, spelling: seen.append(prepared.frame.index),
    )
    result = app.run()
    assert seen == list(range(50)) and runner.calls == 55
    assert result.record["frames"] == 50 and result.record["dropped"] == 0
    assert [view.frame.index for view in sink.views if view.frame] == list(range(50))
    assert sink.finished and sink.closed
    (output,) = result.record["outputs"]
    assert output["shown"] == 50 and output["skipped"] == 0 and output["error"] is None


def test_a_slow_runner_drops_stale_frames_and_every_frame_is_accounted_for(
    manifest: Manifest,
) -> None:
    camera = FakeCamera(120)
    runner = FakeRunner(seconds=0.03)
    result = App(WatchedCamera(lambda: camera), runner, manifest, [], StreamConfig(warmup=1)).run()
    record = result.record
    assert camera.made == 120 and record["source"]["made"] == 120
    assert record["frames"] + record["dropped"] == 120
    assert record["dropped"] > record["frames"]
    # A processed frame is at most a period of the camera and two of the runner old, however slow that is.
    assert record["frame_age_ms"]["p50"] < 3 * record["stages"]["infer"]["p50"]


def test_a_fast_runner_processes_nearly_every_camera_frame(manifest: Manifest) -> None:
    camera = FakeCamera(60, 0.03)  # a rate that busy machines keep up with
    record = App(WatchedCamera(lambda: camera), FakeRunner(), manifest, [], COLD).run().record
    assert record["frames"] + record["dropped"] == 60
    assert record["frames"] > record["dropped"]
    assert camera.closed


def test_one_frame_at_a_time(manifest: Manifest) -> None:
    running = threading.Lock()

    class Exclusive(FakeRunner):
        def execute(self) -> None:
            assert running.acquire(blocking=False)
            try:
                super().execute()
            finally:
                running.release()

    camera = WatchedCamera(lambda: FakeCamera(40))
    assert App(camera, Exclusive(seconds=0.01), manifest, [], COLD).run().error is None


def test_preparing_and_drawing_overlap_the_runner(manifest: Manifest) -> None:
    """Three stages of 10 ms each take little more than the runner alone."""

    class SlowFile(FakeFile):
        def read(self) -> Frame | None:
            time.sleep(0.01)
            return super().read()

    class SlowSink(KeepingSink):
        def show(self, view: object) -> bool:
            time.sleep(0.01)
            return super().show(view)  # type: ignore[arg-type]

    overlapped = threading.Event()
    runner = FakeRunner(seconds=0.01)
    sink = SlowSink()
    drawing = sink.show

    def show(view: object) -> bool:
        before = runner.calls
        going_on = drawing(view)  # type: ignore[arg-type]
        if runner.calls > before:
            overlapped.set()
        return going_on

    sink.show = show  # type: ignore[method-assign, assignment]
    App(SlowFile(30), runner, manifest, [sink], COLD).run()
    assert overlapped.is_set() and len(sink.views) == 30


def test_record_is_valid_and_has_every_stage(manifest: Manifest) -> None:
    camera = WatchedCamera(lambda: FakeCamera(40))
    for source in (FakeFile(20), camera):
        result = App(source, FakeRunner(), manifest, [KeepingSink()], COLD).run()
        (record,) = read_records(result.record, "test")
        names = {*STAGES, "track", "wait", "inference", "end_to_end", "draw"}
        assert set(record["stages"]) == names
        for summary in record["stages"].values():
            order = [summary[name] for name in ("min", "p50", "p90", "p99", "max")]
            assert order == sorted(order)
        assert record["overhead_us"] > 0 and record["resize_us"] > 0
        assert record["valid"] is False
    assert record["glass_to_glass_ms"]["p50"] >= record["frame_age_ms"]["p50"]
    assert (
        "glass_to_glass_ms" not in App(FakeFile(5), FakeRunner(), manifest, [], COLD).run().record
    )


def test_stages_add_up_to_the_age_of_a_frame(manifest: Manifest) -> None:
    sink = KeepingSink()
    camera = WatchedCamera(lambda: FakeCamera(60, 0.01))
    App(camera, FakeRunner(seconds=0.004), manifest, [sink], COLD).run()
    for view in sink.views:
        if view.frame is None or view.trouble:
            continue
        age = 1000 * (view.processed_s - view.frame.captured_s)
        # Between two clock readings a thread may lose the processor; nothing else is left out.
        assert abs(sum(view.stages_ms.values()) - age) < 5


@pytest.mark.parametrize(
    ("end", "code"), [(KeyboardInterrupt(), 130), (SystemExit(143), 143)], ids=["ctrl-c", "term"]
)
def test_a_signal_ends_the_run_and_keeps_record_and_output(
    manifest: Manifest, end: BaseException, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a signal does it: raised in the main thread, while it watches."""
    runner, sink = FakeRunner(seconds=0.001), KeepingSink()
    app = App(FakeFile(100_000), runner, manifest, [sink], COLD)
    join = app._worker.join

    def interrupted(timeout: float | None = None) -> None:
        join(timeout)
        if runner.calls > 20 and not app.controls.stopped:
            raise end

    monkeypatch.setattr(app._worker, "join", interrupted)
    result = app.run()
    assert result.code == code and result.error is None
    assert result.record["frames"] > 20 and sink.finished and sink.closed


def test_a_sink_can_stop_the_run(manifest: Manifest) -> None:
    sink = KeepingSink(stop_after=4)
    result = App(FakeFile(5000), FakeRunner(seconds=0.001), manifest, [sink], COLD).run()
    assert 4 <= result.record["frames"] < 5000 and len(sink.views) <= 6 and result.code == 0


def test_frame_limit(manifest: Manifest) -> None:
    result = App(FakeFile(50), FakeRunner(), manifest, [], StreamConfig(max_frames=9)).run()
    assert result.record["frames"] == 9


def test_an_empty_source_is_an_error(manifest: Manifest) -> None:
    with pytest.raises(SourceError, match="must give at least one frame, got none from fake.avi"):
        App(FakeFile(0), FakeRunner(), manifest, [], COLD).run()


def test_a_held_letter_is_spelled_once_by_the_files_own_time(manifest: Manifest) -> None:
    config = StreamConfig(warmup=0, spell=SpellConfig(min_confidence=0.5, dwell_s=0.5))
    assert App(FakeFile(14), FakeRunner(), manifest, [], config).run().record["text"] == ""
    assert App(FakeFile(60), FakeRunner(), manifest, [], config).run().record["text"] == "D"


def _hello(call: int) -> int:
    """A second of A, a second of nothing, a second of B."""
    return (0, NOTHING, 1)[min(call // 30, 2)]


def test_a_runner_that_raises_ends_the_run_with_what_was_spelled(manifest: Manifest) -> None:
    for fault, kind in (
        (BackendError("DPU must answer, got a timeout"), BackendError),
        (RuntimeError("cu timeout"), BackendError),
    ):

        def broken(call: int, fault: BaseException = fault) -> BaseException | None:
            return fault if call == 85 else None

        sink = KeepingSink()
        result = App(
            FakeFile(500), FakeRunner(says=_hello, fault=broken), manifest, [sink], COLD
        ).run()
        assert isinstance(result.error, kind) and result.code == 1
        assert result.record["text"] == "A B" and sink.finished
        assert any("timeout" in why for why in result.record["why"])


def test_a_defect_of_the_program_keeps_its_traceback(manifest: Manifest) -> None:
    runner = FakeRunner(fault=lambda call: ZeroDivisionError("defect") if call == 3 else None)
    with pytest.raises(ZeroDivisionError):
        App(FakeFile(50), runner, manifest, [], COLD).run()


def test_a_runner_that_hangs_ends_the_run_with_what_was_spelled(manifest: Manifest) -> None:
    class Hanging(FakeRunner):
        def execute(self) -> None:
            self._seconds = float("inf") if self.calls == 85 else 0.0
            super().execute()

    runner, sink = Hanging(says=_hello), KeepingSink()
    config = StreamConfig(warmup=0, hang_s=0.3)
    app = App(FakeFile(500), runner, manifest, [sink], config)
    result = app.run()
    assert isinstance(result.error, BackendError) and "must answer within 0.3 s" in str(
        result.error
    )
    assert result.record["text"] == "A B" and app.is_hung() and sink.finished
    runner.release.set()


def test_an_output_that_fails_is_named_and_the_others_go_on(manifest: Manifest) -> None:
    broken, good = KeepingSink(fail_at=5), KeepingSink()
    result = App(FakeFile(90), FakeRunner(says=_hello), manifest, [broken, good], COLD).run()
    assert result.record["frames"] == 90 and len(good.views) == 90
    assert len(broken.views) == 5 and broken.finished and broken.closed
    assert isinstance(result.error, OutputError) and result.code == 1
    assert result.record["outputs"][0]["error"] == "disk must have room, got none"
    assert result.record["text"] == "A B"


def test_an_output_that_hangs_holds_up_nobody(manifest: Manifest) -> None:
    hanging, good = KeepingSink(hang_at=2), KeepingSink()
    camera = FakeCamera(60)
    app = App(WatchedCamera(lambda: camera), FakeRunner(), manifest, [hanging, good], COLD)
    app_end = app._end

    def end(keep: bool, patience_s: float) -> None:
        app_end(keep, 0.2)

    app._end = end  # type: ignore[method-assign]
    result = app.run()
    # On a loaded machine most frames of a camera are dropped; none waits for the output that hangs.
    assert result.record["frames"] > 3 and len(hanging.views) == 2 and app.has_left()
    assert result.code == 1 and "must end within" in str(result.error)
    assert result.record["outputs"][0]["error"] == str(result.error)
    hanging.release.set()


def test_a_slow_output_of_a_camera_skips_frames(manifest: Manifest) -> None:
    class Slow(KeepingSink):
        def show(self, view: object) -> bool:
            time.sleep(0.03)
            return super().show(view)  # type: ignore[arg-type]

    sink = Slow()
    camera = WatchedCamera(lambda: FakeCamera(100))
    record = App(camera, FakeRunner(), manifest, [sink], COLD).run().record
    (output,) = record["outputs"]
    assert output["skipped"] > output["shown"] > 0
    numbers = [view.number for view in sink.views]
    assert numbers == sorted(numbers)


def test_a_camera_that_goes_and_comes_back_keeps_the_text(manifest: Manifest) -> None:
    """People see what is wrong, the same letter counts again, the run needs no restart."""

    class Vanishing(FakeCamera):
        def read(self) -> Frame | None:
            if self.made == 60:
                raise SourceError("camera must give frames, got none")
            return super().read()

    opened: list[FakeCamera] = []

    def open_camera() -> FakeCamera:
        if len(opened) in (1, 2):
            opened.append(FakeCamera(0))
            raise SourceError("camera must be one that opens")
        opened.append(Vanishing(200, 0.03) if not opened else FakeCamera(60, 0.03))
        return opened[-1]

    sink = KeepingSink()
    source = WatchedCamera(open_camera, WatchConfig(stall_s=5, back_off_s=0.2))
    config = StreamConfig(warmup=0, spell=SpellConfig(dwell_s=0.2))
    result = App(source, FakeRunner(), manifest, [sink], config).run()
    assert result.error is None
    assert result.record["text"] == "DD" and result.record["source"]["reopened"] == 3
    assert any("camera:" in view.trouble for view in sink.views)
    assert sink.views[-1].trouble == ""


def test_controls_work_while_frames_run(manifest: Manifest) -> None:
    controls = Controls(spell=SpellConfig(dwell_s=0.1))
    sink = KeepingSink()
    wanted = iter(["space", "clear", "delete"])
    show = sink.show

    def typing(view: object) -> bool:
        if len(sink.views) in (30, 60, 90):
            controls.edit(next(wanted))
        if len(sink.views) == 45:
            controls.configure({"min_confidence": 0.9})
        return show(view)  # type: ignore[arg-type]

    sink.show = typing  # type: ignore[method-assign, assignment]
    config = StreamConfig(warmup=0, spell=controls.spell)
    App(FakeFile(400), FakeRunner(seconds=0.002), manifest, [sink], config, controls).run()
    texts = [view.text for view in sink.views]
    assert "D" in texts and "D " in texts and texts[-1] == ""
    assert controls.spell.min_confidence == 0.9


def test_an_output_that_does_not_open_ends_the_run_before_it_begins(manifest: Manifest) -> None:
    class Closed(KeepingSink):
        def open(self) -> None:
            raise OutputError("page must get a free port, got one in use")

    source, runner, other = FakeFile(10), FakeRunner(), KeepingSink()
    with pytest.raises(OutputError, match="free port"):
        App(source, runner, manifest, [other, Closed()], COLD).run()
    assert runner.calls == 0 and other.closed and source.closed


def test_no_letter_is_lost_to_an_output_that_skips_frames(manifest: Manifest) -> None:
    """A program that reads lines gets every letter, however slow it is."""

    class Slow(KeepingSink):
        def show(self, view: object) -> bool:
            time.sleep(0.15)
            return super().show(view)  # type: ignore[arg-type]

    class UntilRead(FakeCamera):
        """Ends when enough frames were read, however many a busy computer drops."""

        def read(self) -> Frame | None:
            return super().read() if runner.calls < 120 else None

    sink = Slow()
    runner = FakeRunner(says=lambda call: call // 12 % 5)
    config = StreamConfig(warmup=0, spell=SpellConfig(dwell_s=0.04))
    camera = WatchedCamera(lambda: UntilRead(10_000, 0.01))
    record = App(camera, runner, manifest, [sink], config).run().record
    assert len(record["text"]) >= 6 and record["outputs"][0]["skipped"] > 20
    assert "".join(view.spelling.added for view in sink.views) == record["text"]


def test_an_output_with_a_defect_does_not_end_the_run(manifest: Manifest) -> None:
    class Defective(KeepingSink):
        def show(self, view: object) -> bool:
            raise ZeroDivisionError("defect")

    result = App(FakeFile(90), FakeRunner(says=_hello), manifest, [Defective()], COLD).run()
    assert result.record["text"] == "A B" and result.code == 1
    assert "ZeroDivisionError: defect" in str(result.record["outputs"][0]["error"])


def test_a_reader_that_goes_away_ends_the_run(manifest: Manifest) -> None:
    class Closed(KeepingSink):
        def show(self, view: object) -> bool:
            raise BrokenPipeError

    result = App(FakeFile(10_000), FakeRunner(seconds=0.001), manifest, [Closed()], COLD).run()
    assert result.code == 0 and result.record["frames"] < 10_000


def test_a_camera_that_changes_its_size_or_gives_garbage_loses_nothing(
    manifest: Manifest, tmp_path: Path
) -> None:
    """Pictures of any size are read, recorded and shown; what is no picture is left out and counted."""

    class Odd(FakeCamera):
        def read(self) -> Frame | None:
            frame = super().read()
            if frame is None:
                return None
            level = self.made % 251
            images: list[object] = [
                np.full((48, 64, 3), level, np.uint8),
                np.full((64, 48, 3), level, np.uint8),
                np.full((120, 160), level, np.uint8),
                None,
                np.zeros((0, 0, 3), np.uint8),
                np.zeros((48, 64, 4), np.float32),
                np.full((1, 1, 3), level, np.uint8),
            ]
            return dataclasses.replace(frame, image=images[self.made % len(images)])  # type: ignore[arg-type]

    video = VideoFileSink(tmp_path / "odd.avi", 30.0)
    camera = WatchedCamera(lambda: Odd(140))
    config = StreamConfig(warmup=0, spell=SpellConfig(dwell_s=0.2))
    result = App(camera, FakeRunner(), manifest, [video, KeepingSink()], config).run()
    assert result.error is None and result.record["text"] == "D"
    assert result.record["source"]["garbage"] == 60
    assert result.record["frames"] + result.record["dropped"] == 80


def test_a_full_disk_ends_the_recording_alone(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = VideoFileSink(tmp_path / "signs.avi", 30.0)
    sink = KeepingSink()
    full = shutil.disk_usage(tmp_path)._replace(free=1 << 20)

    def usage(place: object) -> object:
        return full if len(sink.views) > 40 else full._replace(free=1 << 40)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    runner = FakeRunner(seconds=0.002, says=_hello)
    result = App(FakeFile(120), runner, manifest, [sink, video], COLD).run()
    assert result.record["text"] == "A B" and len(sink.views) == 120 and result.code == 1
    assert "disk must have" in str(result.record["outputs"][1]["error"])
    assert (tmp_path / "signs.avi").stat().st_size > 0  # what was recorded until then


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_an_output_is_stored_loses_nothing(
    manifest: Manifest, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "_LEAVE_S", 60.0)  # the machine may be busy
    monkeypatch.setattr(errors, "_DEAF_S", 60.0)
    usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
    kept = signal.signal(number, usual)  # an earlier test may have left another

    class Storing(KeepingSink):
        def finish(self) -> None:
            for _ in range(3):
                os.kill(os.getpid(), number)
                time.sleep(0.02)
            super().finish()

    sink = Storing()
    app = App(FakeFile(90), FakeRunner(says=_hello), manifest, [sink], COLD)
    results = []

    def body() -> int:
        results.append(app.run())
        return results[0].code

    try:
        assert exit_code_of(body) == 128 + number
    finally:
        signal.signal(number, kept)
    assert sink.finished and sink.closed and results[0].record["text"] == "A B"


def test_an_output_whose_opening_has_a_defect_is_an_error(manifest: Manifest) -> None:
    class Broken(KeepingSink):
        def open(self) -> None:
            raise UnicodeError("label too long")

    with pytest.raises(OutputError, match="output keeper must not fail, got 'UnicodeError: label"):
        App(FakeFile(9), FakeRunner(), manifest, [Broken()], COLD).run()
