"""The thread that reads a camera as fast as it delivers; target/camera/watched.py starts and judges it."""

from __future__ import annotations

import logging
import threading
from typing import Callable, Optional, Protocol

from target.camera.base import Frame, Source
from target.errors import one_line

_log = logging.getLogger(__name__)
_GARBAGE_S = 0.02  # after something that is no picture: it may come as fast as it can be asked for


class Owner(Protocol):
    """Who is told what a reader meets; it ignores readers that it no longer wants."""

    def opened(self, reader: Reader, camera: Source) -> None:
        """The camera is open."""
        ...

    def take(self, reader: Reader, frame: Frame) -> bool:
        """Take a frame; False if it is no picture."""
        ...

    def end(self, reader: Reader) -> None:
        """There are no more frames; the camera is closed."""
        ...

    def fail(self, reader: Reader, error: Exception) -> None:
        """The camera cannot be opened or read; it is closed."""
        ...


class Reader(threading.Thread):
    """Opens a camera and hands on its frames until told to stop.

    The camera is closed here and nowhere else, never under a thread that reads it, and before the owner
    hears of a failure: a device that is still open cannot be opened again.

    Args:
        owner: Takes the frames.
        open_camera: Opens the camera.
    """

    def __init__(self, owner: Owner, open_camera: Callable[[], Source]) -> None:
        super().__init__(name="grabber", daemon=True)
        self._unwanted = threading.Event()
        self._owner = owner
        self._open_camera = open_camera
        self._camera: Optional[Source] = None

    def dismiss(self) -> None:
        """Stop after the frame that is being read, if it ever comes."""
        self._unwanted.set()

    def run(self) -> None:
        """Open, read, close."""
        failure: Optional[Exception] = None
        try:
            self._read()
        except Exception as error:  # handed on to whoever waits, whatever it is
            failure = error
        finally:
            self._close()
        if failure is not None:
            self._owner.fail(self, failure)
        else:
            self._owner.end(self)

    def _read(self) -> None:
        camera = self._camera = self._open_camera()
        self._owner.opened(self, camera)
        while not self._unwanted.is_set():
            frame = camera.read()
            if frame is None or self._unwanted.is_set():
                return
            if not self._owner.take(self, frame):
                self._unwanted.wait(_GARBAGE_S)

    def _close(self) -> None:
        camera, self._camera = self._camera, None
        if camera is None:
            return
        try:
            camera.close()
        except Exception as error:  # it is given up anyway
            _log.warning("camera %s did not close: %s", camera.uri, one_line(error))
