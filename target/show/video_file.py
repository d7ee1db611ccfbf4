"""Stores the overlaid frames as a video file; the file appears under its name only when it is whole."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, Optional, Tuple

from target import files
from target.errors import OutputError
from target.opencv import cv2
from target.show.base import View
from target.show.overlay import overlaid

CODECS = {".avi": "MJPG", ".mp4": "mp4v"}
_DEFAULT_FPS = 30.0
_LOOK_EVERY = 30  # frames
_LEAST_ROOM = 16 << 20  # bytes


class VideoFileSink:
    """Writes frames of the first frame's size.

    Args:
        path: .avi (MJPG) or .mp4.
        fps: Of the file; None for 30.

    Raises:
        OutputError: If the suffix is another one.
    """

    wants_all = True

    def __init__(self, path: Path, fps: Optional[float]) -> None:
        if path.suffix.lower() not in CODECS:
            raise OutputError(
                f"video must end in {' or '.join(CODECS)}, got '{path.suffix}' in {path}"
            )
        self.name = path.name
        self._path = path
        self._kept = contextlib.ExitStack()
        self._temporary = path
        self._fps = fps or _DEFAULT_FPS
        self._writer: Any = None
        self._size = (0, 0)
        self._written = 0

    def open(self) -> None:
        """Begin the file under a temporary name.

        Raises:
            OutputError: If the folder cannot be written.
        """
        files.check_writable(self._path)
        self._temporary = self._kept.enter_context(files.replacing(self._path))

    def show(self, view: View) -> bool:
        """Append a frame.

        Raises:
            OutputError: If the disk is nearly full: OpenCV would lose frames without a word.
        """
        if view.frame is None or not view.fresh:
            return True
        if self._written % _LOOK_EVERY == 0:
            files.check_room(self._path.parent, _LEAST_ROOM, "a video")
        image = overlaid(view)
        if self._writer is None:
            self._size = (image.shape[1], image.shape[0])
            self._writer = open_writer(self._temporary, self._fps, self._size)
        if (image.shape[1], image.shape[0]) != self._size:
            image = cv2.resize(image, self._size)
        self._writer.write(image)
        self._written += 1
        return True

    def finish(self) -> None:
        """Give the file its name if it is whole; without a frame there is none.

        Raises:
            OutputError: If OpenCV stored fewer frames than it was given.
        """
        if self._writer is None:
            return
        self._writer.release()
        self._writer = None
        check_frames(self._temporary, self._written, self._path)
        self._kept.close()

    def close(self) -> None:
        """Throw away what was not finished."""
        if self._writer is not None:
            self._writer.release()
            self._writer = None
        with contextlib.suppress(_Discarded), self._kept:
            raise _Discarded


class _Discarded(Exception):
    """Makes the pending replacement give up."""


def open_writer(path: Path, fps: float, size: Tuple[int, int]) -> Any:
    """Open an OpenCV writer with the codec of the path's suffix.

    Args:
        path: .avi or .mp4.
        fps: Of the file.
        size: Width and height, pixels.

    Raises:
        OutputError: If OpenCV refuses.
    """
    codec = cv2.VideoWriter_fourcc(*CODECS[path.suffix.lower()])
    writer = cv2.VideoWriter(str(path), codec, fps, size)
    if not writer.isOpened():
        raise OutputError(f"video of {size[0]}x{size[1]} must be writable by OpenCV, got a refusal")
    return writer


def check_frames(path: Path, expected: int, name: Path) -> None:
    """Read the number of frames in a written video's index: OpenCV says nothing when the disk is full.

    The index is written last, so one that was not written counts no frame; hours of video take no longer
    than a second's.

    Raises:
        OutputError: If there are fewer than expected.
    """
    capture = cv2.VideoCapture(str(path))
    count = max(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
    capture.release()
    if count < expected:
        raise OutputError(
            f"video must hold all {expected} frames, got {count} in {name}; is the disk full?"
        )
