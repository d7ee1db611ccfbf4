"""Stores the overlaid frames as a video file; the file appears under its name only when it is whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Optional

from target.errors import OutputError
from target.opencv import cv2
from target.show.base import View
from target.show.overlay import draw_overlay

CODECS = {".avi": "MJPG", ".mp4": "mp4v"}
_DEFAULT_FPS = 30.0


class VideoFileSink:
    """Writes frames of the first frame's size.

    Args:
        path: .avi (MJPG) or .mp4.
        fps: Of the file; None for 30.

    Raises:
        OutputError: If the suffix is another one or the folder cannot be written.
    """

    def __init__(self, path: Path, fps: Optional[float]) -> None:
        if path.suffix.lower() not in CODECS:
            raise OutputError(
                f"video must end in {' or '.join(CODECS)}, got '{path.suffix}' in {path}"
            )
        self._path = path
        self._temporary = path.with_name(f".{path.stem}-{os.getpid()}{path.suffix}")
        self._fps = fps or _DEFAULT_FPS
        self._writer: Any = None
        self._size = (0, 0)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._temporary.touch()
        except OSError as error:
            raise OutputError(
                f"video must be writable, got '{error.strerror}' in {path}"
            ) from error

    def show(self, view: View) -> bool:
        """Append a frame."""
        image = draw_overlay(view)
        if self._writer is None:
            self._size = (image.shape[1], image.shape[0])
            codec = cv2.VideoWriter_fourcc(*CODECS[self._path.suffix.lower()])
            self._writer = cv2.VideoWriter(str(self._temporary), codec, self._fps, self._size)
            if not self._writer.isOpened():
                raise OutputError(
                    f"video must be writable by OpenCV, got a refusal in {self._path}"
                )
        if (image.shape[1], image.shape[0]) != self._size:
            image = cv2.resize(image, self._size)
        self._writer.write(image)
        return True

    def close(self) -> None:
        """Finish the file and give it its name; without a frame nothing is left."""
        if self._writer is not None:
            self._writer.release()
            self._writer = None
            os.replace(self._temporary, self._path)
        elif self._temporary.exists():
            self._temporary.unlink()
