"""Hours in minutes: the age of frames never grows, memory stays flat, every frame is accounted for."""

from __future__ import annotations

import os
import resource
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from target.app import App, StreamConfig
from target.camera.base import Frame
from target.camera.watched import WatchedCamera
from target.show.base import View
from tests.target.streams import FakeCamera, FakeRunner, KeepingSink, make_manifest

AGE_S = float(os.environ.get("ENDURANCE_S", "600"))
FRAMES = 1_000_000


class _Aging(KeepingSink):
    """Notes how old each picture is when it is shown."""

    def __init__(self) -> None:
        super().__init__(wants_all=False)
        self.ages_ms: list[float] = []

    def show(self, view: View) -> bool:
        if view.frame is not None and not view.trouble:
            self.ages_ms.append(view.age_ms(time.perf_counter()))
        return True


@pytest.mark.slow
def test_the_age_of_frames_never_grows(tmp_path: Path) -> None:
    """A camera of 30 frames a second, a runner that does ten, ten minutes of real time."""
    camera = FakeCamera(round(30 * AGE_S), 1 / 30)
    sink = _Aging()
    source = WatchedCamera(lambda: camera)
    app = App(source, FakeRunner(seconds=0.1), make_manifest(tmp_path), [sink], StreamConfig())
    record = app.run().record
    ages = np.array(sink.ages_ms)
    parts = [float(np.percentile(part, 99)) for part in np.array_split(ages, 10)]
    print(f"{AGE_S:.0f} s, age at the overlay p50 {np.median(ages):.1f} ms, p99 by tenths: {parts}")
    assert np.percentile(ages, 99) < 200
    assert record["frames"] + record["dropped"] == camera.made == round(30 * AGE_S)


class _Endless:
    """Frames as fast as they are taken."""

    uri = "endless"
    live = False
    fps: float | None = 30.0

    def __init__(self, count: int) -> None:
        self._image = np.random.default_rng(1).integers(0, 255, (48, 64, 3)).astype(np.uint8)
        self._index, self._count = 0, count

    def read(self) -> Frame | None:
        if self._index == self._count:
            return None
        self._index += 1
        return Frame(self._image, self._index - 1, time.perf_counter(), "frame")

    def close(self) -> None:
        pass


def _resident_kb() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024


def _run_many(folder: Path, frames: int, settled: int) -> tuple[int, dict[str, object]]:
    """Return by how much resident memory grew behind the first frames, KB, and the record."""
    sizes: list[int] = []

    class Weighing(KeepingSink):
        def show(self, view: View) -> bool:
            if view.number % 1000 == 0 and view.number >= settled:
                sizes.append(_resident_kb())
            return True

    letters = [0, 0, 0, 1, 9]
    runner = FakeRunner(says=lambda call: letters[call // 40 % len(letters)])
    source = _Endless(frames)
    result = App(source, runner, make_manifest(folder), [Weighing()], StreamConfig()).run()
    return max(sizes) - sizes[0], result.record


def test_memory_stays_flat(tmp_path: Path) -> None:
    before = threading.active_count()
    grown, record = _run_many(tmp_path, 14_000, 8_000)
    assert grown < 5_000 and record["frames"] == 14_000
    assert threading.active_count() == before


@pytest.mark.slow
def test_memory_stays_flat_over_a_million_frames(tmp_path: Path) -> None:
    grown, record = _run_many(tmp_path, FRAMES, 10_000)
    print(f"{FRAMES} frames, {record['throughput_fps']} a second, memory grew by {grown} KB")
    assert grown < 5_000 and record["frames"] == FRAMES
