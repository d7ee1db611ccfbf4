"""Fake sources, runners and outputs for streams, and a manifest that fits them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from target import files
from target.camera.base import Frame
from target.errors import OutputError
from target.manifest import Manifest
from target.runners.base import Staged, TensorSpec
from target.show.base import View

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXY"
NOTHING = 9


def make_manifest(folder: Path, nothing: bool = True) -> Manifest:
    classes = [None if i == NOTHING else LETTERS[i] for i in range(25)]
    output: dict[str, Any] = {"classes": classes, "fix_point": 2}
    if nothing:
        output["nothing"] = NOTHING
    content = {
        "name": "fake",
        "toolchain": {"name": "builtin"},
        "input": {"height": 28, "scale": 1 / 255, "fix_point": 6, "crop": {"max_trim": 0.05}},
        "output": output,
        "files": {"xmodel": {"path": "fake.xmodel", "sha256": "0" * 64}},
    }
    return Manifest(folder, content)


def with_golden(manifest: Manifest, count: int) -> Manifest:
    """Add golden vectors whose output is D, as a FakeRunner gives it."""
    codes = np.full((count, 25), -40, np.int8)
    codes[:, 3] = 40
    path = manifest.folder / "vectors.npz"
    np.savez(path, input=np.zeros((count, 28, 28, 1), np.int8), output=codes)
    manifest.content["files"]["golden"] = {"path": path.name, "sha256": files.sha256_of(path)}
    return manifest


class FakeRunner(Staged):
    """Answers what `says` gives for the count of the call: an output's index, D if there is none."""

    name = "fake"
    device = "a test"
    kind = "measured"
    threads = 1
    input = TensorSpec("in", (1, 28, 28, 1), "int8", 2.0**-6)
    output = TensorSpec("out", (1, 25), "int8", 2.0**-2)
    gives_probabilities = False
    promise = "nothing"

    def __init__(
        self,
        seconds: float = 0.0,
        says: Callable[[int], int] = lambda call: 3,
        fault: Callable[[int], BaseException | None] = lambda call: None,
    ) -> None:
        self.calls = 0
        self.closed = False
        self.release = threading.Event()
        self._seconds = seconds
        self._says = says
        self._fault = fault

    def put(self, tensor: np.ndarray) -> None:
        assert tensor.shape == (1, 28, 28, 1) and tensor.dtype == np.int8

    def execute(self) -> None:
        fault = self._fault(self.calls)
        if fault is not None:
            raise fault
        self.calls += 1
        if self._seconds == float("inf"):
            self.release.wait()
        elif self._seconds:
            time.sleep(self._seconds)

    def take(self) -> np.ndarray:
        codes = np.full((1, 25), -40, np.int8)
        codes[0, self._says(self.calls - 1)] = 40
        return codes

    def close(self) -> None:
        self.closed = True


class FakeFile:
    """Gives `count` frames, as a file does."""

    uri = "fake.avi"
    live = False

    def __init__(self, count: int, fps: float | None = 30.0) -> None:
        self.fps = fps
        self.closed = False
        self._frames = iter(range(count))
        self._image = np.zeros((48, 64, 3), np.uint8)

    def read(self) -> Frame | None:
        index = next(self._frames, None)
        if index is None:
            return None
        return Frame(self._image, index, time.perf_counter(), str(index))

    def close(self) -> None:
        self.closed = True


class FakeCamera:
    """Makes `count` frames at a steady rate, whether or not anybody reads them; no two are alike."""

    uri = "fake camera"
    live = True
    fps: float | None = 200.0

    def __init__(self, count: int, period_s: float = 0.005) -> None:
        self.made = 0
        self.closed = False
        self._count = count
        self._period_s = period_s
        self._due_s: float | None = None

    def read(self) -> Frame | None:
        if self.made == self._count:
            return None
        now = time.perf_counter()
        self._due_s = now if self._due_s is None else self._due_s + self._period_s
        time.sleep(max(self._due_s - now, 0))
        image = np.full((48, 64, 3), self.made % 251, np.uint8)
        frame = Frame(image, self.made, time.perf_counter(), "frame")
        self.made += 1
        return frame

    def close(self) -> None:
        self.closed = True


class KeepingSink:
    """Remembers what it was shown; stops, fails or hangs when told."""

    name = "keeper"

    def __init__(
        self,
        stop_after: int | None = None,
        fail_at: int | None = None,
        hang_at: int | None = None,
        wants_all: bool = True,
    ) -> None:
        self.views: list[View] = []
        self.finished = False
        self.closed = False
        self.wants_all = wants_all
        self.release = threading.Event()
        self._stop_after = stop_after
        self._fail_at = fail_at
        self._hang_at = hang_at

    def open(self) -> None:
        pass

    def show(self, view: View) -> bool:
        self.views.append(view)
        if len(self.views) == self._fail_at:
            raise OutputError("disk must have room, got none")
        if len(self.views) == self._hang_at:
            self.release.wait()
        return len(self.views) != self._stop_after

    def finish(self) -> None:
        self.finished = True

    def close(self) -> None:
        self.closed = True
