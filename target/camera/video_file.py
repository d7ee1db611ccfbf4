"""A video file as a source: every frame, in order, none dropped."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Optional

from target.camera.base import Frame
from target.errors import SourceError
from target.opencv import cv2

_log = logging.getLogger(__name__)


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
            raise SourceError(f"video must be one that OpenCV decodes, got another in {path}")
        rate = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.fps: Optional[float] = rate if rate > 0 else None
        self._promised = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self._count = 0

    def read(self) -> Optional[Frame]:
        """Return the next frame, or None at the end.

        Raises:
            SourceError: If not a single frame can be decoded.
        """
        started = time.perf_counter()
        good, image = self._capture.read()
        if not good:
            if self._count == 0:
                raise SourceError(f"video must have at least one frame, got none in {self.uri}")
            if self._count < self._promised:
                _log.warning(
                    "%s ends after %d of %d frames; is it whole?",
                    self.uri,
                    self._count,
                    self._promised,
                )
            return None
        frame = Frame(image, self._count, started, f"{Path(self.uri).name}#{self._count}")
        self._count += 1
        return frame

    def close(self) -> None:
        """Close the file."""
        self._capture.release()
