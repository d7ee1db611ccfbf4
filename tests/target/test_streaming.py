"""The application with fake sources and runners: nothing lost from files, nothing stale from cameras."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from target.app import App, StreamConfig
from target.camera.base import Frame
from target.camera.latest import LatestFrame
from target.errors import SourceError
from target.manifest import Manifest
from target.measure.clock import STAGES
from target.measure.record import read_records
from target.runners.base import Staged, TensorSpec
from target.show.base import View
from target.text.speller import SpellConfig


class FakeRunner(Staged):
    """Answers letter 3 (D), as slowly as asked."""

    name = "fake"
    device = "a test"
    kind = "measured"
    threads = 1
    input = TensorSpec("in", (1, 28, 28, 1), "int8", 2.0**-6)
    output = TensorSpec("out", (1, 25), "int8", 2.0**-2)
    gives_probabilities = False
    promise = "nothing"

    def __init__(self, seconds: float = 0.0, fail_at: int | None = None) -> None:
        self.calls = 0
        self._seconds = seconds
        self._fail_at = fail_at

    def put(self, tensor: np.ndarray) -> None:
        assert tensor.shape == (1, 28, 28, 1) and tensor.dtype == np.int8

    def execute(self) -> None:
        if self.calls == self._fail_at:
            raise KeyboardInterrupt
        self.calls += 1
        time.sleep(self._seconds)

    def take(self) -> np.ndarray:
        codes = np.full((1, 25), -40, np.int8)
        codes[0, 3] = 40
        return codes

    def close(self) -> None:
        pass


class FakeFile:
    """Gives `count` frames, as a file does."""

    uri = "fake.avi"
    live = False
    fps: float | None = 30.0

    def __init__(self, count: int) -> None:
        self._frames = iter(range(count))

    def read(self) -> Frame | None:
        index = next(self._frames, None)
        if index is None:
            return None
        return Frame(np.zeros((48, 64, 3), np.uint8), index, time.perf_counter(), str(index))

    def close(self) -> None:
        pass


class FakeCamera:
    """Makes `count` frames at a steady rate, whether or not anybody reads them."""

    uri = "fake camera"
    live = True
    fps: float | None = 200.0

    def __init__(self, count: int, period_s: float = 0.005) -> None:
        self.made = 0
        self.closed = False
        self._count = count
        self._period_s = period_s

    def read(self) -> Frame | None:
        if self.made == self._count:
            return None
        time.sleep(self._period_s)
        frame = Frame(np.zeros((48, 64, 3), np.uint8), self.made, time.perf_counter(), "frame")
        self.made += 1
        return frame

    def close(self) -> None:
        self.closed = True


class CollectingSink:
    """Remembers what it was shown; stops when told."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.views: list[View] = []
        self._stop_after = stop_after

    def show(self, view: View) -> bool:
        self.views.append(view)
        return len(self.views) != self._stop_after

    def close(self) -> None:
        pass


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    classes = [None if i == 9 else "ABCDEFGHIJKLMNOPQRSTUVWXY"[i] for i in range(25)]
    content = {
        "name": "fake",
        "toolchain": {"name": "builtin"},
        "input": {"height": 28, "scale": 1 / 255, "fix_point": 6, "crop": {"max_trim": 0.05}},
        "output": {"classes": classes, "fix_point": 2},
        "files": {"xmodel": {"path": "fake.xmodel", "sha256": "0" * 64}},
    }
    return Manifest(tmp_path, content)


def test_a_file_loses_no_frame_and_keeps_their_order(manifest: Manifest) -> None:
    runner, sink = FakeRunner(), CollectingSink()
    result = App(FakeFile(50), runner, manifest, [sink], StreamConfig(warmup=5)).run()
    assert [index for index, _ in result.letters] == list(range(50))
    assert runner.calls == 55
    assert result.record["frames"] == 50 and result.record["dropped"] == 0
    assert [view.frame.index for view in sink.views] == list(range(50))


def test_a_slow_runner_drops_stale_frames_and_every_frame_is_accounted_for(
    manifest: Manifest,
) -> None:
    camera = FakeCamera(120)
    source = LatestFrame(camera)
    app = App(source, FakeRunner(seconds=0.03), manifest, [], StreamConfig(warmup=1))
    result = app.run()
    source.close()
    record = app.record()
    assert camera.made == 120
    assert record["frames"] + record["dropped"] == 120
    assert record["dropped"] > record["frames"]
    assert len(result.letters) == record["frames"]
    # A processed frame is at most a period of the camera and a period of the runner old, and noise.
    assert record["frame_age_ms"]["p50"] < 80


def test_a_fast_runner_processes_nearly_every_camera_frame(manifest: Manifest) -> None:
    camera = FakeCamera(60)
    source = LatestFrame(camera)
    app = App(source, FakeRunner(), manifest, [], StreamConfig(warmup=0))
    app.run()
    source.close()
    record = app.record()
    assert record["frames"] + record["dropped"] == 60
    assert record["frames"] > record["dropped"]


def test_one_frame_at_a_time(manifest: Manifest) -> None:
    running = threading.Lock()

    class Exclusive(FakeRunner):
        def execute(self) -> None:
            assert running.acquire(blocking=False)
            try:
                super().execute()
            finally:
                running.release()

    source = LatestFrame(FakeCamera(40))
    App(source, Exclusive(seconds=0.01), manifest, [], StreamConfig(warmup=0)).run()
    source.close()


def test_record_is_valid_and_has_every_stage(manifest: Manifest) -> None:
    result = App(FakeFile(20), FakeRunner(), manifest, [], StreamConfig(warmup=0)).run()
    (record,) = read_records(result.record, "test")
    assert set(record["stages"]) == {*STAGES, "inference", "end_to_end"}
    for summary in record["stages"].values():
        assert (
            summary["min"] <= summary["p50"] <= summary["p90"] <= summary["p99"] <= summary["max"]
        )
    assert record["valid"] is False and "too few samples for p90: 20 of 64" in record["why"]


def test_ctrl_c_ends_the_run_and_keeps_the_record(manifest: Manifest) -> None:
    result = App(FakeFile(50), FakeRunner(fail_at=7), manifest, [], StreamConfig(warmup=0)).run()
    assert result.interrupted
    assert result.record["frames"] == 7


def test_a_sink_can_stop_the_run(manifest: Manifest) -> None:
    sink = CollectingSink(stop_after=4)
    result = App(FakeFile(50), FakeRunner(), manifest, [sink], StreamConfig()).run()
    assert result.record["frames"] == 4


def test_frame_limit(manifest: Manifest) -> None:
    result = App(FakeFile(50), FakeRunner(), manifest, [], StreamConfig(max_frames=9)).run()
    assert result.record["frames"] == 9


def test_an_empty_source_is_an_error(manifest: Manifest) -> None:
    with pytest.raises(SourceError, match="must give at least one frame, got none from fake.avi"):
        App(FakeFile(0), FakeRunner(), manifest, [], StreamConfig()).run()


def test_a_held_letter_is_spelled_once_by_the_files_own_time(manifest: Manifest) -> None:
    config = StreamConfig(warmup=0, spell=SpellConfig(min_confidence=0.5, dwell_s=0.5))
    assert App(FakeFile(14), FakeRunner(), manifest, [], config).run().record["text"] == ""
    assert App(FakeFile(60), FakeRunner(), manifest, [], config).run().record["text"] == "D"


def test_a_failing_camera_is_reported_not_swallowed() -> None:
    class Broken(FakeCamera):
        def read(self) -> Frame | None:
            raise SourceError("camera must give frames, got none from fake camera")

    source = LatestFrame(Broken(1))
    with pytest.raises(SourceError, match="must give frames"):
        source.read()
    source.close()


def test_a_silent_camera_times_out() -> None:
    release = threading.Event()

    class Silent(FakeCamera):
        def read(self) -> Frame | None:
            release.wait(5)
            return None

    source = LatestFrame(Silent(1), timeout_s=0.05)
    with pytest.raises(SourceError, match=r"within 0\.05 s, got none from fake camera"):
        source.read()
    release.set()
    source.close()


def test_closing_stops_the_thread_and_the_camera() -> None:
    camera = FakeCamera(10_000, period_s=0.001)
    source = LatestFrame(camera)
    assert source.read() is not None
    source.close()
    assert camera.closed
    assert not any(thread.name == "grabber" for thread in threading.enumerate())
