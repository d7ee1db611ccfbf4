"""A camera under watch: only its newest frame, and opened again when it stalls, lies or vanishes.

A thread reads the camera as fast as it delivers, so that a slow runner drops frames instead of falling
behind (OpenCV's own buffer setting is not reliable). Whoever waits for frames is also the watchdog: a
thread that is stuck inside the driver is left behind, and another one opens the camera again, at once
and then ever more rarely. No restart, no lost text.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
import zlib
from typing import Any, Callable, Dict, Optional

from target.camera.base import Frame, Source, check_image
from target.errors import SourceError, one_line

_log = logging.getLogger(__name__)
_JOIN_S = 0.4
_SPARSE = 8  # every so many pixels are looked at to see whether the picture changes


@dataclasses.dataclass(frozen=True)
class WatchConfig:
    """When a camera counts as lost, and how often it is tried again.

    Attributes:
        stall_s: Without a frame for so long it is opened again.
        same_s: With exactly the same picture for so long as well: sensors have noise.
        back_off_s: Before the second attempt; each further wait is twice as long ...
        longest_s: ... up to this.
        keep_trying: Without it the first loss is an error.
    """

    stall_s: float = 3.0
    same_s: float = 5.0
    back_off_s: float = 0.5
    longest_s: float = 10.0
    keep_trying: bool = True


class _Reader(threading.Thread):
    """Opens a camera if need be and hands on its frames until told to stop."""

    def __init__(self, owner: WatchedCamera, camera: Optional[Source]) -> None:
        super().__init__(name="grabber", daemon=True)
        self._unwanted = threading.Event()
        self._owner = owner
        self._camera = camera

    def dismiss(self) -> None:
        """Stop after the frame that is being read, if it ever comes."""
        self._unwanted.set()

    def run(self) -> None:
        """Open, read, close."""
        owner = self._owner
        try:
            if self._camera is None:
                self._camera = owner.open_again()
            while not self._unwanted.is_set():
                frame = self._camera.read()
                if self._unwanted.is_set():
                    break
                if frame is None:
                    owner.end(self)
                    break
                owner.take(self, frame)
        except Exception as error:  # handed on to whoever waits, whatever it is
            owner.fail(self, error)
        finally:
            # Here and nowhere else: a camera is never closed under a thread that reads it.
            if self._camera is not None:
                self._camera.close()


class WatchedCamera:
    """A live source that gives the newest frame of a camera, over losses of the camera.

    Frames that the camera gave = frames read from here + `dropped`, once it has ended or `close` was
    called.

    Args:
        open_camera: Opens the camera; called at once, and again after a loss.
        config: When it counts as lost.

    Raises:
        SourceError: If it cannot be opened the first time.
    """

    live = True

    def __init__(
        self, open_camera: Callable[[], Source], config: WatchConfig = WatchConfig()
    ) -> None:
        self.open_again = open_camera
        self.dropped = 0
        self.made = 0
        self.reopened = 0
        self.garbage = 0
        self.ended = False
        self.trouble = ""
        self._config = config
        self._ready = threading.Condition()
        self._frame: Optional[Frame] = None
        self._fault: Optional[str] = None
        self._mark: Optional[int] = None
        self._losses = 0  # in a row
        self._retry_s: Optional[float] = None
        camera = open_camera()
        self.uri = camera.uri
        self.fps = camera.fps
        now = time.perf_counter()
        self._heard_s = self._changed_s = now
        self._reader: Optional[_Reader] = _Reader(self, camera)
        self._reader.start()

    def wait(self, timeout_s: float) -> Optional[Frame]:
        """Return the newest frame that was not read yet; None if there is none within so long, or ever.

        Raises:
            SourceError: If the camera fails and is not to be tried again.
        """
        with self._ready:
            self._ready.wait_for(
                lambda: self._frame is not None or self.ended or self._fault is not None, timeout_s
            )
            frame, self._frame = self._frame, None
        self._watch()
        return frame

    def read(self) -> Optional[Frame]:
        """Wait for the next frame, over losses; None when the source has ended.

        Raises:
            SourceError: If the camera fails and is not to be tried again.
        """
        while True:
            frame = self.wait(0.1)
            if frame is not None or self.ended:
                return frame

    def close(self) -> None:
        """Stop; a frame that nobody read counts as dropped. A thread stuck in the driver is left behind."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.dismiss()
            reader.join(_JOIN_S)
        with self._ready:
            self.ended = True
            if self._frame is not None:
                self.dropped += 1
                self._frame = None

    def facts(self) -> Dict[str, Any]:
        """Return what the record says of the camera."""
        return {"made": self.made, "reopened": self.reopened, "garbage": self.garbage}

    def take(self, reader: _Reader, frame: Frame) -> None:
        """Keep a reader's frame in place of an older one."""
        try:
            check_image(frame.image, self.uri)
        except SourceError as error:
            self.garbage += 1
            if self.garbage == 1:
                _log.warning("left out: %s", error)
            return
        mark = zlib.crc32(frame.image[::_SPARSE, ::_SPARSE].tobytes())
        with self._ready:
            if reader is not self._reader:
                return
            now = time.perf_counter()
            self._heard_s = now
            if mark != self._mark:
                self._mark, self._changed_s = mark, now
                self._recover()
            if self._frame is not None:
                self.dropped += 1
            self._frame = dataclasses.replace(frame, index=self._index(frame))
            self.made += 1
            self._ready.notify()

    def end(self, reader: _Reader) -> None:
        """Note that the source has no more frames."""
        with self._ready:
            if reader is self._reader:
                self.ended = True
                self._ready.notify()

    def fail(self, reader: _Reader, error: Exception) -> None:
        """Note why a reader stopped."""
        with self._ready:
            if reader is self._reader:
                self._fault = one_line(error) or type(error).__name__
                self._ready.notify()

    def _index(self, frame: Frame) -> int:
        """Return a frame's index; a camera that was opened again begins at 0, its frames go on."""
        return frame.index if not self.reopened else self.made

    def _recover(self) -> None:
        """All is well again: the picture moves."""
        if self._losses:
            _log.warning("camera %s gives pictures again", self.uri)
        self._losses = 0
        self.trouble = ""

    def _watch(self) -> None:
        """Find out whether the camera is lost, and open it again when it is time."""
        now, config = time.perf_counter(), self._config
        if self.ended:
            return
        if self._retry_s is not None:
            if now >= self._retry_s:
                self._open()
            return
        with self._ready:
            fault, self._fault = self._fault, None
        if fault is not None:
            self._lose(fault, now)
        elif now - self._heard_s > config.stall_s:
            self._lose(f"no frame for {now - self._heard_s:.0f} s", now)
        elif now - self._changed_s > config.same_s and self.made:
            self._lose(f"the same picture for {now - self._changed_s:.0f} s", now)

    def _lose(self, why: str, now: float) -> None:
        """Give up a reader; without trying again this is an error."""
        if not self._config.keep_trying:
            self.ended = True
            raise SourceError(f"camera must give frames, got '{why}' from {self.uri}")
        wait = min(self._config.back_off_s * 2.0**self._losses, self._config.longest_s)
        wait = 0.0 if not self._losses else wait
        self._losses += 1
        if self.trouble != why:
            _log.warning("camera %s: %s; opening it again", self.uri, why)
        self.trouble = f"camera: {why}"
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.dismiss()
        self._retry_s = now + wait

    def _open(self) -> None:
        self._retry_s = None
        self.reopened += 1
        now = time.perf_counter()
        with self._ready:
            self._heard_s = self._changed_s = now
            self._fault = None
        self._reader = _Reader(self, None)
        self._reader.start()
