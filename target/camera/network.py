"""A camera on the network (rtsp://, http:// with MJPEG) or a GStreamer pipeline, through OpenCV."""

from __future__ import annotations

import re
import time
from typing import Optional

from target.camera.base import Frame
from target.errors import SourceError
from target.opencv import cv2, translated

_OPEN_MS, _READ_MS = 8000, 5000
_SINK = "videoconvert ! video/x-raw,format=BGR ! appsink drop=true max-buffers=1 sync=false"
_CSI = (
    "v4l2src device=/dev/video{index} io-mode=4 ! video/x-raw,width={width},height={height},"
    "framerate={fps}/1 ! "
)


class NetworkCamera:
    """Reads a stream as it comes.

    Args:
        uri: rtsp://, rtsps://, http:// or https://.

    Raises:
        SourceError: If it cannot be opened.
    """

    live = True

    def __init__(self, uri: str) -> None:
        self.uri = without_password(uri)
        limits = [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
            _OPEN_MS,
            cv2.CAP_PROP_READ_TIMEOUT_MSEC,
            _READ_MS,
        ]
        with translated(f"stream must be one that OpenCV opens in {self.uri}", SourceError):
            self._capture = cv2.VideoCapture(uri, cv2.CAP_FFMPEG, limits)
        _check_open(self._capture, self.uri, "see that the camera answers at this address")
        rate = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.fps: Optional[float] = rate if 0 < rate <= 240 else None
        self._count = 0

    def read(self) -> Optional[Frame]:
        """Wait for the next frame and return it.

        Raises:
            SourceError: If the stream broke off.
        """
        good, image = self._capture.read()
        if not good:
            raise SourceError(f"stream must go on, got no frame from {self.uri}")
        frame = Frame(image, self._count, time.perf_counter(), f"frame {self._count}")
        self._count += 1
        return frame

    def close(self) -> None:
        """Hang up."""
        self._capture.release()


class PipelineCamera(NetworkCamera):
    """Reads a GStreamer pipeline that ends in an appsink.

    Args:
        pipeline: As gst-launch takes it; an appsink that drops old frames is put behind it if it has none.
        uri: For messages.

    Raises:
        SourceError: If OpenCV has no GStreamer, or refuses the pipeline.
    """

    def __init__(self, pipeline: str, uri: str) -> None:
        self.uri = without_password(uri)
        if not has_gstreamer():
            raise SourceError(
                f"OpenCV must have GStreamer for {self.uri}, got a build without; the board's python3-opencv"
                " has it, PyPI's opencv-python does not"
            )
        if "appsink" not in pipeline:
            pipeline += f" ! {_SINK}"
        with translated("pipeline must be one that GStreamer takes", SourceError):
            self._capture = cv2.VideoCapture(pipeline, cv2.CAP_GSTREAMER)
        _check_open(self._capture, self.uri, "try it with gst-launch-1.0")
        rate = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.fps = rate if 0 < rate <= 240 else None
        self._count = 0


def csi_pipeline(index: int, width: int, height: int, fps: Optional[float]) -> str:
    """Return the pipeline of a MIPI camera behind the board's capture device."""
    return _CSI.format(index=index, width=width, height=height, fps=round(fps or 30)) + _SINK


def has_gstreamer() -> bool:
    """Return whether OpenCV was built with GStreamer."""
    return re.search(r"GStreamer:\s+YES", cv2.getBuildInformation()) is not None


def without_password(uri: str) -> str:
    """Return a URI as it may stand in a log."""
    return re.sub(r"(//[^/@:]*):[^/@]*@", r"\1:***@", uri)


def _check_open(capture: object, uri: str, remedy: str) -> None:
    if not capture.isOpened():  # type: ignore[attr-defined]
        raise SourceError(
            f"stream must be one that OpenCV opens, got a refusal for {uri}; {remedy}"
        )
