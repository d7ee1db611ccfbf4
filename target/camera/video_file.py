"""A video file as a source: every frame, in order, none dropped."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Optional

from target.camera.base import CLOSE_S, Frame
from target.errors import SourceError
from target.opencv import cv2, translated

_log = logging.getLogger(__name__)
_MOST_FPS = 500  # a browser's recordings give their time base, 1000, for a rate
_USUAL_FPS = 30.0


class VideoFile:
    """Reads a video file through OpenCV.

    Args:
        path: The file.

    Raises:
        SourceError: If it is missing or OpenCV cannot decode it.
    """

    live = False

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise SourceError(f"video must be a file, got none at {path}")
        try:
            with path.open("rb"):
                pass
        except OSError as error:
            raise SourceError(
                f"video must be readable, got '{error.strerror}' in {path}"
            ) from error
        self.uri = str(path)
        self._capture = cv2.VideoCapture(str(path))
        if not self._capture.isOpened():
            raise SourceError(
                f"video must be one that OpenCV decodes, got another in {path}; try MJPEG in .avi"
            )
        self.fps: Optional[float] = self._rate()
        self._promised = float(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self._count = 0
        self._reading = threading.Lock()
        self._closed = False

    def _rate(self) -> float:
        """Return frames a second; dwelling is counted in them, so there must be a number."""
        rate = float(self._capture.get(cv2.CAP_PROP_FPS))
        if 0 < rate <= _MOST_FPS:
            return rate
        _log.warning("%s says %g frames a second; %g are assumed", self.uri, rate, _USUAL_FPS)
        return _USUAL_FPS

    def read(self) -> Optional[Frame]:
        """Return the next frame, or None at the end or once it was closed.

        Raises:
            SourceError: If not a single frame can be decoded.
        """
        started = time.perf_counter()
        with self._reading, translated(f"video must go on in {self.uri}", SourceError):
            if self._closed:
                return None
            good, image = self._capture.read()
        if not good:
            if self._count == 0:
                raise SourceError(f"video must have at least one frame, got none in {self.uri}")
            if self._count < self._promised:
                _log.warning(
                    "%s ends after %d of %.0f frames; is it whole?",
                    self.uri,
                    self._count,
                    self._promised,
                )
            return None
        frame = Frame(image, self._count, started, f"{Path(self.uri).name}#{self._count}")
        self._count += 1
        return frame

    def close(self) -> None:
        """Close the file, after a frame that another thread is reading: OpenCV would read freed memory."""
        self._closed = True
        if self._reading.acquire(timeout=CLOSE_S):
            self._capture.release()
            self._reading.release()
