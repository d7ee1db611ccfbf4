"""Keeps only the newest frame of a live source, so that a slow runner drops frames instead of lagging.

A thread reads the camera as fast as it delivers. OpenCV's own buffer setting is not reliable.
"""

from __future__ import annotations

import threading
from typing import Optional

from target.camera.base import Frame, Source
from target.errors import SourceError

TIMEOUT_S = 10.0
_JOIN_S = 2.0


class LatestFrame:
    """A source that gives the newest frame of another one.

    Frames delivered = frames read from here + `dropped`, once the source has ended or `close` was
    called.

    Args:
        source: A live source; it is closed with this one.
        timeout_s: How long `read` waits for a frame.
    """

    live = True

    def __init__(self, source: Source, timeout_s: float = TIMEOUT_S) -> None:
        self.uri = source.uri
        self.fps = source.fps
        self.dropped = 0
        self._source = source
        self._timeout_s = timeout_s
        self._ready = threading.Condition()
        self._frame: Optional[Frame] = None
        self._fault: Optional[BaseException] = None
        self._ended = False
        self._closing = False
        self._thread = threading.Thread(target=self._grab, name="grabber", daemon=True)
        self._thread.start()

    def _grab(self) -> None:
        try:
            while not self._closing:
                frame = self._source.read()
                if frame is None:
                    break
                with self._ready:
                    if self._frame is not None:
                        self.dropped += 1
                    self._frame = frame
                    self._ready.notify()
        except BaseException as error:  # handed on to the reader, whatever it is
            self._fault = error
        with self._ready:
            self._ended = True
            self._ready.notify()

    def read(self) -> Optional[Frame]:
        """Return the newest frame that was not read yet, waiting for one; None when the source ended.

        Raises:
            SourceError: If the source failed, or no frame came in time.
        """
        with self._ready:
            if not self._ready.wait_for(
                lambda: self._frame is not None or self._ended, self._timeout_s
            ):
                raise SourceError(
                    f"camera must give a frame within {self._timeout_s:g} s, got none from {self.uri}"
                )
            frame, self._frame = self._frame, None
        if frame is None and self._fault is not None:
            if isinstance(self._fault, SourceError):
                raise self._fault
            raise SourceError(
                f"camera must not fail, got '{self._fault}' from {self.uri}"
            ) from self._fault
        return frame

    def close(self) -> None:
        """Stop the thread and release the source; a frame nobody read counts as dropped."""
        self._closing = True
        self._thread.join(_JOIN_S)
        if (
            not self._thread.is_alive()
        ):  # a reader that is stuck in the driver cannot be closed under it
            self._source.close()
        with self._ready:
            if self._frame is not None:
                self.dropped += 1
                self._frame = None
