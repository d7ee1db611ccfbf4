"""From an output URI to a sink: none, display://, a video file."""

from __future__ import annotations

from pathlib import Path
from typing import List, Optional

from target.errors import OutputError
from target.show.base import Sink
from target.show.video_file import CODECS, VideoFileSink
from target.show.window import WindowSink

FORMS = "none, display:// or a video file (.avi, .mp4)"


def open_sinks(uri: Optional[str], headless: bool, fps: Optional[float]) -> List[Sink]:
    """Open the outputs of a run.

    Args:
        uri: As the user wrote it; None for a window, unless headless.
        headless: No window.
        fps: Of the source, for video files.

    Raises:
        OutputError: If the URI is of an unknown form or the output cannot be opened.
    """
    if uri in (None, "display://"):
        return [] if headless else [WindowSink()]
    assert uri is not None
    if uri == "none":
        return []
    name = uri[len("file://") :] if uri.startswith("file://") else uri
    path = Path(name)
    if "://" in name or path.suffix.lower() not in CODECS:
        raise OutputError(f"output must be {FORMS}, got '{uri}'")
    return [VideoFileSink(path, fps)]
