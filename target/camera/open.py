"""From an input URI to a source: a camera, a stream, a pipeline, a video file, a folder, an image."""

from __future__ import annotations

import dataclasses
import os
import urllib.parse
from pathlib import Path
from typing import Callable, Optional

from target.camera.base import Source
from target.camera.device import CameraDevice, CameraFormat
from target.camera.flipped import FLIPS, Flipped
from target.camera.folder import SUFFIXES, ImageFolder
from target.camera.health import WatchConfig
from target.camera.looped import Looped
from target.camera.network import NetworkCamera, PipelineCamera, csi_pipeline
from target.camera.secrets import without_password
from target.camera.video_file import VideoFile
from target.camera.watched import WatchedCamera
from target.errors import SourceError
from target.opencv import check_name

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
    # Images are read without OpenCV's own files.
    if not (os.path.isdir(uri) or Path(uri).suffix.lower() in SUFFIXES):
        check_name(uri, SourceError)
    if options.flip not in FLIPS:
        raise SourceError(f"flip must be one of {', '.join(FLIPS)}, got '{options.flip}'")
    camera = _camera(uri, options.wanted)
    source: Source
    if camera is not None:
        source = WatchedCamera(camera, options.watch, without_password(uri))
    elif options.loop:
        source = Looped(lambda: _file(uri))
    else:
        source = _file(uri)
    return source if options.flip == "none" else Flipped(source, options.flip)


def _camera(uri: str, wanted: CameraFormat) -> Optional[Callable[[], Source]]:
    """Return what opens a camera; None for a file."""
    scheme, separator, rest = uri.partition("://")
    scheme = scheme.lower() if separator else ""
    if _is_index(uri):
        return lambda: CameraDevice(int(uri), wanted)
    if uri.startswith("gst:"):
        pipeline = uri[len("gst:") :].lstrip("/ ").rstrip()
        if not pipeline:
            raise SourceError("gst: must be followed by a pipeline, got nothing")
        return lambda: PipelineCamera(pipeline, uri)
    if scheme in _STREAMS:
        return lambda: NetworkCamera(uri)
    if scheme == "csi":
        if not _is_index(rest):
            raise SourceError(f"csi:// must be followed by a number, got '{uri}'")
        csi = csi_pipeline(int(rest), wanted.width, wanted.height, wanted.fps)
        return lambda: PipelineCamera(csi, uri)
    if scheme == "v4l2":
        if not rest:
            raise SourceError("v4l2:// must be followed by /dev/videoN, got nothing")
        device = int(rest) if _is_index(rest) else rest
        return lambda: CameraDevice(device, wanted)
    return (lambda: CameraDevice(uri, wanted)) if uri.startswith("/dev/") else None


def _is_index(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _LONGEST_INDEX


def _file(uri: str) -> Source:
    scheme, separator, rest = uri.partition("://")
    if separator and scheme.lower() != "file":
        raise SourceError(f"input must be {FORMS}, got '{without_password(uri)}'")
    path = Path(rest if separator else uri)
    if separator and not path.exists():
        path = Path(urllib.parse.unquote(rest))  # a browser's file:// has %20 for a blank
    if path.is_dir() or path.suffix.lower() in SUFFIXES:
        if not path.exists():
            raise SourceError(f"image must be a file, got none at {path}")
        return ImageFolder(path)
    return VideoFile(path)
