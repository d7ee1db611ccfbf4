"""A camera on the network (rtsp://, http:// with MJPEG) or a GStreamer pipeline, through OpenCV."""

from __future__ import annotations

import re
import time
from typing import Any, List, Optional

from target.camera.base import Frame
from target.camera.secrets import without_password
from target.errors import SourceError
from target.opencv import cv2, translated

_OPEN_MS, _READ_MS = 8000, 5000
_MOST_FPS = 240  # streams without a rate of their own give a time base for it
_SINK = "videoconvert ! video/x-raw,format=BGR ! appsink drop=true max-buffers=1 sync=false"
_CSI = (
    "v4l2src device=/dev/video{index} io-mode=4 ! video/x-raw,width={width},height={height},"
    "framerate={fps}/1 ! "
)
_RTSP = 'rtspsrc location="{uri}" latency=100 ! application/x-rtp,media=video ! decodebin ! '
# Not decodebin: it waits for a sign that a multipart stream has no second picture, which never comes.
_HTTP = 'souphttpsrc location="{uri}" is-live=true ! multipartdemux ! jpegdec ! '


class _Stream:
    """Reads an open capture as it delivers.

    Args:
        uri: As it may stand in a log.
        remedy: If it could not be opened.
        arguments: Of cv2.VideoCapture.

    Raises:
        SourceError: If it cannot be opened.
    """

    live = True

    def __init__(self, uri: str, remedy: str, *arguments: Any) -> None:
        self.uri = uri
        try:
            with translated(f"stream must be one that OpenCV opens in {uri}", SourceError):
                self._capture = cv2.VideoCapture(*arguments)
        except SourceError as error:  # OpenCV names what it was given, with the password
            raise SourceError(without_password(str(error))) from None
        if not self._capture.isOpened():
            raise SourceError(
                f"stream must be one that OpenCV opens, got a refusal for {uri}; {remedy}"
            )
        rate = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.fps: Optional[float] = rate if 0 < rate <= _MOST_FPS else None
        self._count = 0

    def read(self) -> Optional[Frame]:
        """Wait for the next frame and return it; its time stamp is that of its arrival.

        Raises:
            SourceError: If the stream broke off.
        """
        with translated(f"stream must go on in {self.uri}", SourceError):
            good, image = self._capture.read()
        if not good:
            raise SourceError(f"stream must go on, got no frame from {self.uri}")
        frame = Frame(image, self._count, time.perf_counter(), f"frame {self._count}")
        self._count += 1
        return frame

    def close(self) -> None:
        """Hang up."""
        self._capture.release()


class NetworkCamera(_Stream):
    """Reads a stream as it comes, through FFmpeg; through GStreamer where OpenCV has no FFmpeg.

    Args:
        uri: rtsp://, rtsps://, http:// or https://.

    Raises:
        SourceError: If it cannot be opened.
    """

    def __init__(self, uri: str) -> None:
        shown, remedy = without_password(uri), "see that the camera answers at this address"
        if has_ffmpeg():
            super().__init__(shown, remedy, uri, cv2.CAP_FFMPEG, *_limits())
        elif has_gstreamer():
            form = _RTSP if uri.lower().startswith("rtsp") else _HTTP
            pipeline = form.format(uri=uri.replace('"', "%22")) + _SINK
            super().__init__(shown, remedy, pipeline, cv2.CAP_GSTREAMER)
        else:
            raise SourceError(
                f"OpenCV must have FFmpeg or GStreamer for {shown}, got a build without; the board's"
                " python3-opencv has GStreamer, PyPI's opencv-python has FFmpeg"
            )


class PipelineCamera(_Stream):
    """Reads a GStreamer pipeline that ends in an appsink.

    Args:
        pipeline: As gst-launch takes it; an appsink that drops old frames is put behind it if it has none.
        uri: As the user wrote it, for messages.

    Raises:
        SourceError: If OpenCV has no GStreamer, or refuses the pipeline.
    """

    def __init__(self, pipeline: str, uri: str) -> None:
        shown = without_password(uri)
        if not has_gstreamer():
            raise SourceError(
                f"OpenCV must have GStreamer for {shown}, got a build without; the board's python3-opencv"
                " has it, PyPI's opencv-python does not"
            )
        if "appsink" not in pipeline:
            pipeline += f" ! {_SINK}"
        super().__init__(shown, "try it with gst-launch-1.0", pipeline, cv2.CAP_GSTREAMER)


def csi_pipeline(index: int, width: int, height: int, fps: Optional[float]) -> str:
    """Return the pipeline of a MIPI camera behind the board's capture device."""
    rate = max(round(fps or 30), 1)
    return _CSI.format(index=index, width=width, height=height, fps=rate) + _SINK


def has_gstreamer() -> bool:
    """Return whether OpenCV was built with GStreamer."""
    return _has("GStreamer")


def has_ffmpeg() -> bool:
    """Return whether OpenCV was built with FFmpeg."""
    return _has("FFMPEG")


def _has(library: str) -> bool:
    return re.search(rf"{library}:\s+YES", cv2.getBuildInformation()) is not None


def _limits() -> List[List[int]]:
    """Return for how long FFmpeg may open and read, as OpenCV is told so.

    OpenCV before 4.5.2 takes no such list, and before 4.5.4 refuses these two: then FFmpeg waits for 30 s,
    and whoever watches the camera does not wait for it.
    """
    wanted = (("CAP_PROP_OPEN_TIMEOUT_MSEC", _OPEN_MS), ("CAP_PROP_READ_TIMEOUT_MSEC", _READ_MS))
    if not all(hasattr(cv2, name) for name, _ in wanted):
        return []
    return [[value for name, limit in wanted for value in (getattr(cv2, name), limit)]]
