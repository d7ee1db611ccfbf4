"""From an input URI to a source: a camera, a stream, a pipeline, a video file, a folder, an image."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Callable, Optional

from target.camera.base import Source
from target.camera.device import CameraDevice, CameraFormat
from target.camera.flipped import Flipped
from target.camera.folder import SUFFIXES, ImageFolder
from target.camera.looped import Looped
from target.camera.network import NetworkCamera, PipelineCamera, csi_pipeline
from target.camera.video_file import VideoFile
from target.camera.watched import WatchConfig, WatchedCamera
from target.errors import SourceError

FORMS = (
    "a camera index, /dev/videoN, v4l2:///dev/videoN, csi://N, rtsp://..., http://... (MJPEG),"
    " gst:PIPELINE, file://..., a video file, a folder or an image"
)
_LONGEST_INDEX = 4
_STREAMS = ("rtsp", "rtsps", "http", "https")


@dataclasses.dataclass(frozen=True)
class InputOptions:
    """What an input needs besides its URI.

    Attributes:
        wanted: Format, size and rate of a camera.
        watch: When a camera counts as lost.
        flip: A key of flipped.FLIPS.
        loop: Whether a file or folder begins again when it is over.
    """

    wanted: CameraFormat = dataclasses.field(default_factory=CameraFormat)
    watch: WatchConfig = dataclasses.field(default_factory=WatchConfig)
    flip: str = "none"
    loop: bool = False


def open_source(uri: str, options: Optional[InputOptions] = None) -> Source:
    """Open a source; cameras keep only their newest frame, files lose nothing.

    Raises:
        SourceError: If the URI is of an unknown form or the source cannot be opened.
    """
    options = options or InputOptions()
    if not uri:
        raise SourceError(f"input must be {FORMS}, got an empty text")
    camera = _camera(uri, options.wanted)
    source: Source
    if camera is not None:
        source = WatchedCamera(camera, options.watch)
    elif options.loop:
        source = Looped(lambda: _file(uri))
    else:
        source = _file(uri)
    return source if options.flip == "none" else Flipped(source, options.flip)


def _camera(uri: str, wanted: CameraFormat) -> Optional[Callable[[], Source]]:
    """Return what opens a camera; None for a file."""
    scheme, separator, rest = uri.partition("://")
    if uri.isdigit() and len(uri) <= _LONGEST_INDEX:
        return lambda: CameraDevice(int(uri), wanted)
    if uri.startswith("gst:"):
        return lambda: PipelineCamera(uri[len("gst:") :].strip("/ "), uri)
    if separator and scheme in _STREAMS:
        return lambda: NetworkCamera(uri)
    if separator and scheme == "csi":
        if not rest.isdigit() or len(rest) > _LONGEST_INDEX:
            raise SourceError(f"csi:// must be followed by a number, got '{uri}'")
        pipeline = csi_pipeline(int(rest), wanted.width, wanted.height, wanted.fps)
        return lambda: PipelineCamera(pipeline, uri)
    if scheme == "v4l2" and separator:
        return lambda: CameraDevice(rest, wanted)
    return (lambda: CameraDevice(uri, wanted)) if uri.startswith("/dev/") else None


def _file(uri: str) -> Source:
    scheme, separator, rest = uri.partition("://")
    if separator and scheme != "file":
        raise SourceError(f"input must be {FORMS}, got '{uri}'")
    path = Path(rest if separator else uri)
    if path.is_dir() or path.suffix.lower() in SUFFIXES:
        if not path.exists():
            raise SourceError(f"image must be a file, got none at {path}")
        return ImageFolder(path)
    return VideoFile(path)
