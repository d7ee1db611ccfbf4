"""Cameras that do what a script says, and patience that a slow machine does not exhaust."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from target.camera.base import Frame
from target.camera.watched import WatchedCamera

PATIENCE_S = 60.0


def picture(number: int, height: int = 24, width: int = 32) -> np.ndarray:
    """Return a picture that no other number has."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, :, 0], image[:, :, 1] = number % 251, number // 251
    return image


class ScriptedCamera:
    """Gives one entry of its script at each read.

    An array or another object is the image of a frame, an exception is raised, an Event is waited for and the
    next entry given, None ends it; behind the last entry it ends as well.

    Attributes:
        given: Frames so far.
        closed: How often it was closed.
        misused: What was done to it that no driver survives.
        stuck: Set while a read waits for an Event.
    """

    uri = "fake camera"
    live = True
    fps: float | None = 30.0

    def __init__(self, script: Iterable[Any], period_s: float = 0.0) -> None:
        self.given = 0
        self.closed = 0
        self.misused: list[str] = []
        self.stuck = threading.Event()
        self._script = iter(script)
        self._period_s = period_s
        self._reading = threading.Lock()

    def read(self) -> Frame | None:
        if not self._reading.acquire(blocking=False):
            self.misused.append("read by two threads")
            return None
        try:
            if self.closed:
                self.misused.append("read after it was closed")
            return self._next()
        finally:
            self._reading.release()

    def _next(self) -> Frame | None:
        time.sleep(self._period_s)
        entry = next(self._script, None)
        while isinstance(entry, threading.Event):
            self.stuck.set()
            entry.wait()
            self.stuck.clear()
            entry = next(self._script, None)
        if entry is None:
            return None
        if isinstance(entry, Exception):
            raise entry
        frame = Frame(entry, self.given, time.perf_counter(), f"frame {self.given}")
        self.given += 1
        return frame

    def close(self) -> None:
        if not self._reading.acquire(blocking=False):
            self.misused.append("closed under a thread that reads it")
            return
        self.closed += 1
        self._reading.release()


class Opener:
    """Opens what its list says, one after the other; an exception is raised, a callable called.

    A callable at the end is called ever again: on a slow machine a camera may be lost once more.

    Attributes:
        opened: The cameras so far.
        asked_s: When each opening was asked for.
    """

    def __init__(self, *entries: Any) -> None:
        self.opened: list[ScriptedCamera] = []
        self.asked_s: list[float] = []
        last = entries[-1:] if callable(entries[-1]) else ()
        self._entries = itertools.chain(entries, itertools.cycle(last))

    def __call__(self) -> Any:
        self.asked_s.append(time.perf_counter())
        entry = next(self._entries)
        if isinstance(entry, Exception):
            raise entry
        camera = entry() if callable(entry) else entry
        self.opened.append(camera)
        return camera


def until(what: Callable[[], object]) -> None:
    """Wait until something is so."""
    end = time.perf_counter() + PATIENCE_S
    while not what():
        assert time.perf_counter() < end, "waited for too long"
        time.sleep(0.005)


def pump(source: WatchedCamera, what: Callable[[], object]) -> list[Frame]:
    """Read until something is so; whoever reads is the watchdog."""
    end = time.perf_counter() + PATIENCE_S
    frames = []
    while not what():
        assert time.perf_counter() < end, f"waited for too long; {source.trouble}"
        frame = source.wait(0.02)
        if frame is not None:
            frames.append(frame)
    return frames


def readers() -> list[threading.Thread]:
    """Return the threads that read cameras."""
    return [thread for thread in threading.enumerate() if thread.name == "grabber"]
