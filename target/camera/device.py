"""A camera by index or device file, read as it delivers; wrap it in LatestFrame to keep up with it."""

from __future__ import annotations

import time
from typing import Optional, Union

from target.camera.base import Frame
from target.errors import SourceError
from target.opencv import cv2, translated


class CameraDevice:
    """Opens a camera through OpenCV: MJPG where it has it, one buffer.

    Args:
        device: Index, or a path such as /dev/video0.
        width: Wanted, pixels.
        height: Wanted, pixels.

    Raises:
        SourceError: If it cannot be opened.
    """

    live = True

    def __init__(self, device: Union[int, str], width: int = 640, height: int = 480) -> None:
        self.uri = str(device)
        with translated(f"camera must be one that OpenCV opens, {device} is not", SourceError):
            self._capture = cv2.VideoCapture(device)
        if not self._capture.isOpened():
            raise SourceError(
                f"camera must be one that OpenCV opens, got none at {device};"
                " see ls /dev/video*, and that you are in the group 'video'"
            )
        self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter_fourcc(*"MJPG"))
        self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
        self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
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
