"""From output URIs to sinks: none, display://, http://:8080, term://, json://, a video file."""

from __future__ import annotations

import dataclasses
import logging
import re
from pathlib import Path
from typing import List, Optional, Sequence

from target.errors import OutputError
from target.opencv import check_name
from target.pipeline.controls import Controls
from target.show.base import Sink
from target.show.capture import Collector
from target.show.lines import LinesSink
from target.show.terminal import TerminalSink
from target.show.video_file import CODECS, VideoFileSink
from target.show.web import LOCAL, WebSink
from target.show.window import WindowSink, check_display

_log = logging.getLogger(__name__)
FORMS = (
    "display:// (a window), http://:8080 (a page), term:// (a line in the terminal), json:// (lines on"
    " stdout; json://every for each frame), a video file (.avi, .mp4), none"
)
WINDOW, TERMINAL = "display://", "term://"
_PAGE = re.compile(r"http://(?P<host>\[[0-9a-fA-F:.]+\]|[^:/\[\]]*)(:(?P<port>\d{1,5}))?/?")
_PORT = 8080


@dataclasses.dataclass(frozen=True)
class OutputOptions:
    """What outputs need besides their URI.

    Attributes:
        headless: No window.
        host: Address that a page listens at, if its URI names none.
        token: That a page's URL must have, None for one made up where it is required.
        fps: Of the source, for video files.
    """

    headless: bool = False
    host: str = LOCAL
    token: Optional[str] = None
    fps: Optional[float] = None


def open_sinks(
    uris: Sequence[str],
    options: OutputOptions,
    controls: Controls,
    collector: Optional[Collector] = None,
) -> List[Sink]:
    """Return the outputs of a run; they are opened when it begins.

    Without any there is a window; where there is no display, a line in the terminal instead.

    Args:
        uris: As the user wrote them.
        options: What they need besides.
        controls: What they change.
        collector: Stores crops when they are told to.

    Raises:
        OutputError: If a URI is of an unknown form.
    """
    if not uris:
        return [] if options.headless else [_window_or_line(controls)]
    sinks = [_sink(uri, options, controls, collector) for uri in uris]
    return [sink for sink in sinks if sink is not None]


def _window_or_line(controls: Controls) -> Sink:
    try:
        check_display()
    except OutputError as error:
        _log.warning("no window: %s", error)
        return TerminalSink()
    return WindowSink(controls)


def _sink(
    uri: str, options: OutputOptions, controls: Controls, collector: Optional[Collector]
) -> Optional[Sink]:
    if uri == "none" or (uri == WINDOW and options.headless):
        return None
    if uri == WINDOW:
        return WindowSink(controls)
    if uri == TERMINAL:
        return TerminalSink()
    if uri in ("json://", "json://every"):
        return LinesSink(every=uri.endswith("every"))
    page = _PAGE.fullmatch(uri)
    if page is not None:
        host = (page["host"] or options.host).strip("[]")
        return WebSink(host, int(page["port"] or _PORT), controls, collector, options.token)
    path = video_path(uri)
    check_name(uri, OutputError)
    if path is None:
        raise OutputError(f"output must be {FORMS}, got '{uri}'")
    return VideoFileSink(path, options.fps)


def video_path(uri: str) -> Optional[Path]:
    """Return the file of an output that is a video; None for another one."""
    name = uri[len("file://") :] if uri.startswith("file://") else uri
    path = Path(name)
    return None if "://" in name or path.suffix.lower() not in CODECS else path
