"""From an input URI to a source: 0, /dev/video0, v4l2://..., a video file, a folder, an image."""

from __future__ import annotations

from pathlib import Path

from target.camera.base import Source
from target.camera.device import CameraDevice
from target.camera.folder import SUFFIXES, ImageFolder
from target.camera.latest import LatestFrame
from target.camera.video_file import VideoFile
from target.errors import SourceError

FORMS = "a camera index, /dev/videoN, v4l2:///dev/videoN, file://..., a video file, a folder or an image"

_LONGEST_INDEX = 4


def open_source(uri: str) -> Source:
    """Open a source; cameras keep only their newest frame, files lose nothing.

    Raises:
        SourceError: If the URI is of an unknown form or the source cannot be opened.
    """
    if not uri:
        raise SourceError(f"input must be {FORMS}, got an empty text")
    if uri.isdigit() and len(uri) <= _LONGEST_INDEX:
        return LatestFrame(CameraDevice(int(uri)))
    scheme, separator, rest = uri.partition("://")
    if separator and scheme not in ("v4l2", "file"):
        raise SourceError(f"input must be {FORMS}, got '{uri}'")
    if scheme == "v4l2" or uri.startswith("/dev/"):
        return LatestFrame(CameraDevice(rest if separator else uri))
    path = Path(rest if separator else uri)
    if path.is_dir() or path.suffix.lower() in SUFFIXES:
        if not path.exists():
            raise SourceError(f"image must be a file, got none at {path}")
        return ImageFolder(path)
    return VideoFile(path)
