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
from typing import Any, Callable, Dict, List, Optional

from target.camera.base import Frame, Source, check_image, kind_of
from target.camera.health import Health, WatchConfig, mark_of, pause_s
from target.camera.reader import Reader
from target.errors import SourceError, one_line

_log = logging.getLogger(__name__)
_USUAL = WatchConfig()
_JOIN_S = 0.4
_LOOK_S = 0.05  # how often whoever waits looks after the camera
_MOST_LEFT = 8  # threads left behind in a driver; each holds memory for as long as it hangs


class WatchedCamera:
    """A live source that gives the newest frame of a camera, over losses of the camera.

    Frames that the camera gave (`made`) = frames read from here + `dropped`, once it has ended and the
    last one was read, or `close` was called.

    Args:
        open_camera: Opens the camera; called at once, and again after a loss, always in another thread:
            drivers and pipelines may hang in it, and Ctrl-C must not.
        config: When it counts as lost.
        uri: For messages, until a camera that is open tells its own.

    Raises:
        SourceError: If it cannot be opened the first time, or not in time, and that is awaited.
    """

    live = True

    def __init__(
        self,
        open_camera: Callable[[], Source],
        config: WatchConfig = _USUAL,
        uri: str = "the camera",
    ) -> None:
        self.uri = uri
        self.fps: Optional[float] = None
        self.dropped = 0
        self.made = 0
        self.reopened = 0
        self.garbage = 0
        self.trouble = ""
        self._open_camera = open_camera
        self._config = config
        self._changed = threading.Condition()  # guards everything below, and the counts
        self._over = False
        self._frame: Optional[Frame] = None
        self._fault: Optional[Exception] = None
        self._has_opened = False
        self._losses = 0  # in a row
        self._retry_s: Optional[float] = None
        self._first = 0  # index of the first frame since it was opened
        self._next = 0
        self._left: List[Reader] = []
        self._health = Health(config, time.perf_counter())
        self._reader: Optional[Reader] = Reader(self, open_camera)
        self._reader.start()
        if not config.await_first:
            return
        try:
            self._await_opening()
        except BaseException:
            self.close()
            raise

    @property
    def ended(self) -> bool:
        """Whether no more frames will come."""
        return self._over and self._frame is None

    def wait(self, timeout_s: float) -> Optional[Frame]:
        """Return the newest frame that was not read yet; None if there is none within so long, or ever.

        Raises:
            SourceError: If the camera fails and is not to be tried again.
        """
        until = time.perf_counter() + timeout_s
        with self._changed:
            while True:
                now = time.perf_counter()
                self._look_after(now)
                if self._frame is not None:
                    frame, self._frame = self._frame, None
                    return frame
                if self._over or now >= until:
                    return None
                self._changed.wait(min(until - now, _LOOK_S))

    def read(self) -> Optional[Frame]:
        """Wait for the next frame, over losses; None when the source has ended.

        Raises:
            SourceError: If the camera fails and is not to be tried again.
        """
        while True:
            frame = self.wait(1.0)
            if frame is not None or self.ended:
                return frame

    def close(self) -> None:
        """Stop; a frame that nobody read counts as dropped. A thread stuck in the driver is left behind."""
        with self._changed:
            reader, self._reader = self._reader, None
            self._over = True
            if self._frame is not None:
                self.dropped += 1
                self._frame = None
            self._changed.notify_all()
        if reader is not None:
            reader.dismiss()
            reader.join(_JOIN_S)

    def facts(self) -> Dict[str, Any]:
        """Return what the record says of the camera."""
        return {"made": self.made, "reopened": self.reopened, "garbage": self.garbage}

    def opened(self, reader: Reader, camera: Source) -> None:
        """Note that a reader has opened the camera: from now on it must give frames."""
        with self._changed:
            if reader is self._reader:
                self._health.opened(time.perf_counter())
                self.uri, self.fps = camera.uri, camera.fps
                self._has_opened = True
                self._changed.notify_all()

    def take(self, reader: Reader, frame: Frame) -> bool:
        """Keep a reader's frame in place of an older one; False if it is no picture."""
        try:
            check_image(frame.image, self.uri)
        except SourceError as error:
            self._note_garbage(reader, frame, error)
            return False
        mark = mark_of(frame.image)
        with self._changed:
            if reader is not self._reader:
                return True
            self._recover(self._health.hear(mark, time.perf_counter()))
            if self._frame is not None:
                self.dropped += 1
            index = self._first + frame.index  # a camera that was opened again begins at 0
            self._frame = dataclasses.replace(frame, index=index)
            self._next = max(self._next, index + 1)
            self.made += 1
            self._changed.notify_all()
        return True

    def end(self, reader: Reader) -> None:
        """Note that the source has no more frames."""
        with self._changed:
            if reader is self._reader:
                self._over = True
                self._changed.notify_all()

    def fail(self, reader: Reader, error: Exception) -> None:
        """Note why a reader stopped."""
        with self._changed:
            if reader is self._reader:
                self._fault = error
                self._changed.notify_all()

    def _await_opening(self) -> None:
        """Wait until the camera has been opened for the first time."""
        with self._changed:
            while not self._has_opened:
                if self._fault is not None:
                    raise self._fault
                if self._health.silence(time.perf_counter()):
                    raise SourceError(
                        f"camera must open within {self._config.open_s:g} s, got nothing from {self.uri};"
                        " see that it is there, and that no other program has it open"
                    )
                self._changed.wait(_LOOK_S)

    def _note_garbage(self, reader: Reader, frame: Frame, error: SourceError) -> None:
        with self._changed:
            if reader is not self._reader:
                return
            self.garbage += 1
            self._health.spoil(kind_of(frame.image))
            if self.garbage == 1:
                _log.warning("left out: %s", error)

    def _recover(self, is_moving: bool) -> None:
        """Note a picture; all is well again if it is another one than before."""
        if not is_moving:
            return
        if self.trouble:
            _log.warning("camera %s gives pictures again", self.uri)
            self.trouble = ""
        if self._losses and self._health.is_steady(time.perf_counter()):
            self._losses = 0

    def _look_after(self, now: float) -> None:
        """Find out whether the camera is lost, and open it again when it is time."""
        if self._over:
            return
        if self._retry_s is not None:
            if now >= self._retry_s:
                self._open(now)
        elif self._fault is not None:
            if self._frame is None:  # else that one first
                why = one_line(self._fault) or type(self._fault).__name__
                self._lose(why, now, still=False)
        else:
            silence = self._health.silence(now)
            why = silence or self._health.stillness(now)
            if why:
                self._lose(why, now, still=not silence)

    def _lose(self, why: str, now: float, still: bool) -> None:
        """Give up a reader; without trying again this is an error."""
        if not self._config.keep_trying:
            self._over = True
            raise SourceError(f"camera must give frames, got '{why}' from {self.uri}")
        words = why.partition(";")[0]
        words = words[len("camera ") :] if words.startswith("camera ") else words
        line = why if self.uri in why else f"camera {self.uri}: {why}"
        self._tell(f"camera: {words}", f"{line}; opening it again")
        self._health.lose(still)
        self._fault = None
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.dismiss()
            self._left.append(reader)
        # A camera that shows the same picture does give pictures: nobody waits for it.
        self._retry_s = now + (0.0 if still else pause_s(self._config, self._losses))
        self._losses += 1

    def _open(self, now: float) -> None:
        self._left = [reader for reader in self._left if reader.is_alive()]
        if len(self._left) >= _MOST_LEFT:
            words = f"camera: {len(self._left)} attempts hang in its driver"
            self._tell(words, f"{words} ({self.uri}); unplug it and plug it in again")
            self._retry_s = now + self._config.longest_s
            return
        self._retry_s = None
        self.reopened += 1
        self._first = self._next
        self._health.begin(now)
        self._reader = Reader(self, self._open_camera)
        self._reader.start()

    def _tell(self, trouble: str, line: str) -> None:
        """Say what is wrong, in the log only once."""
        if trouble != self.trouble:
            _log.warning("%s", line)
        self.trouble = trouble
