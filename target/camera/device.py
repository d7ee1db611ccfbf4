"""A camera by index or device file, read as it delivers; watched over by target/camera/watched.py."""

from __future__ import annotations

import dataclasses
import logging
import os
import re
import sys
import time
from typing import Any, Optional, Union

from target.camera.base import Frame
from target.errors import SourceError
from target.opencv import cv2, translated

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class CameraFormat:
    """What a camera is asked for; it may give something near it.

    Attributes:
        width: Pixels.
        height: Pixels.
        fps: Frames a second; None for the camera's choice.
        code: Four letters of the pixel format; MJPG fits through USB 2 at full rate, raw pictures do not.
    """

    width: int = 640
    height: int = 480
    fps: Optional[float] = None
    code: str = "MJPG"


class CameraDevice:
    """Opens a camera through OpenCV, one buffer.

    Args:
        device: Index, or a path such as /dev/video0.
        wanted: Format, size and rate.

    Raises:
        SourceError: If it cannot be opened.
    """

    live = True

    def __init__(self, device: Union[int, str], wanted: CameraFormat = CameraFormat()) -> None:
        self.uri = str(device)
        self._count = 0
        backend = cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY
        with translated(f"camera must be one that OpenCV opens, {device} is not", SourceError):
            self._capture = cv2.VideoCapture(_index_of(device), backend)
            if self._capture.isOpened():
                rate = self._ask_for(wanted)
                self.fps: Optional[float] = rate if rate > 0 else None
                return
        raise SourceError(
            f"camera must be one that OpenCV opens, got none at {device}; run python3 -m target cameras,"
            " and see that you are in the group 'video' and no other program has it open"
        )

    def _ask_for(self, wanted: CameraFormat) -> float:
        """Set format, size and rate, in the order that drivers want; returns the rate."""
        capture = self._capture
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter_fourcc(*wanted.code))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, wanted.width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, wanted.height)
        if wanted.fps:
            capture.set(cv2.CAP_PROP_FPS, wanted.fps)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        size = capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
        code = _letters(capture.get(cv2.CAP_PROP_FOURCC))
        if (*size, code) != (wanted.width, wanted.height, wanted.code):
            _log.info(
                "camera %s gives %gx%g %s; asked for were %dx%d %s",
                self.uri, *size, code, wanted.width, wanted.height, wanted.code,
            )  # fmt: skip
        return float(capture.get(cv2.CAP_PROP_FPS))

    def read(self) -> Optional[Frame]:
        """Wait for the next frame and return it; its time stamp is that of its arrival.

        Raises:
            SourceError: If the camera gives none.
        """
        with translated(f"camera must give frames, {self.uri} does not", SourceError):
            good, image = self._capture.read()
        if not good:
            raise SourceError(
                f"camera must give frames, got none from {self.uri}; is it unplugged?"
            )
        frame = Frame(image, self._count, time.perf_counter(), f"frame {self._count}")
        self._count += 1
        return frame

    def close(self) -> None:
        """Release the camera."""
        self._capture.release()


def _index_of(device: Union[int, str]) -> Union[int, str]:
    """Return the index of /dev/videoN, also behind a link of /dev/v4l/: that is how OpenCV's V4L2 wants it.

    Looked up at every opening: a camera that was plugged in again may have got another number.
    """
    if isinstance(device, int):
        return device
    found = re.fullmatch(r"/dev/video(\d+)", os.path.realpath(device))
    return int(found[1]) if found else device


def _letters(code: Any) -> str:
    """Return the four letters of a pixel format; ? for what is none."""
    number = int(code) if code == code else 0
    letters = "".join(chr(number >> shift & 0xFF) for shift in (0, 8, 16, 24))
    return letters if letters.isprintable() else "?"
