"""A camera by index or device file, read as it delivers; watched over by target/camera/watched.py."""

from __future__ import annotations

import dataclasses
import re
import sys
import time
from typing import Optional, Union

from target.camera.base import Frame
from target.errors import SourceError
from target.opencv import cv2, translated


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
        backend = cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY
        with translated(f"camera must be one that OpenCV opens, {device} is not", SourceError):
            self._capture = cv2.VideoCapture(_index_of(device), backend)
        if not self._capture.isOpened():
            raise SourceError(
                f"camera must be one that OpenCV opens, got none at {device}; run python3 -m target cameras,"
                " and see that you are in the group 'video' and no other program has it open"
            )
        self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter_fourcc(*wanted.code))
        self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, wanted.width)
        self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, wanted.height)
        if wanted.fps:
            self._capture.set(cv2.CAP_PROP_FPS, wanted.fps)
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        rate = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.fps: Optional[float] = rate if rate > 0 else None
        self._count = 0

    def read(self) -> Optional[Frame]:
        """Wait for the next frame and return it; its time stamp is that of its arrival.

        Raises:
            SourceError: If the camera gives none.
        """
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
    """Return the index of /dev/videoN: that is how OpenCV's V4L2 backend wants it."""
    found = re.fullmatch(r"/dev/video(\d+)", str(device))
    return int(found[1]) if found else device
