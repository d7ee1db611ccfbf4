"""A file or folder that begins again when it is over."""

from __future__ import annotations

import dataclasses
import threading
from typing import Callable, Optional

from target.camera.base import CLOSE_S, Frame, Source
from target.errors import SourceError


class Looped:
    """Gives the frames of a source for ever; their count goes on.

    Args:
        open_source: Opens it; called again for each round.

    Raises:
        SourceError: If it cannot be opened.
    """

    live = False

    def __init__(self, open_source: Callable[[], Source]) -> None:
        self._open = open_source
        self._source = open_source()
        self.uri = self._source.uri
        self.fps = self._source.fps
        self._count = 0
        self._reading = threading.Lock()
        self._closed = False

    def read(self) -> Optional[Frame]:
        """Return the next frame; behind the last comes the first. None once it was closed.

        Raises:
            SourceError: If a round has no frame.
        """
        with self._reading:
            if self._closed:
                return None
            frame = self._source.read()
            if frame is None:
                self._source.close()
                self._source = self._open()
                frame = self._source.read()
            if frame is None:
                raise SourceError(f"source must have a frame to loop, got none from {self.uri}")
            frame = dataclasses.replace(frame, index=self._count)
            self._count += 1
            return frame

    def close(self) -> None:
        """Release the source, after a frame that another thread is reading."""
        self._closed = True
        if self._reading.acquire(timeout=CLOSE_S):
            self._source.close()
            self._reading.release()
