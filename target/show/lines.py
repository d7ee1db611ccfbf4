"""JSON lines on stdout for other programs: every letter that counts, every trouble, as it comes.

    {"event": "letter", "letter": "H", "text": "H", "frame": 41, ...}
    {"event": "trouble", "trouble": "camera: no frame for 3 s", ...}

With `every` there is a line {"event": "frame"} for every frame. The run record is the last line, when the
command has --json.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Optional, TextIO

from target.show.base import View


class LinesSink:
    """Writes a line for what is new.

    Args:
        every: Also one for each frame.
        stream: Where to; None for stdout.
    """

    name = "lines"
    wants_all = True

    def __init__(self, every: bool = False, stream: Optional[TextIO] = None) -> None:
        self._every = every
        self._stream = stream
        self._trouble = ""

    def open(self) -> None:
        """Nothing is opened."""

    def show(self, view: View) -> bool:
        """Write what is new."""
        now = time.perf_counter()
        if view.trouble != self._trouble:
            self._trouble = view.trouble
            self._write({"event": "trouble", "trouble": view.trouble, "text": view.text})
        if not view.fresh:
            return True
        added = view.spelling.added
        if added:
            self._write({"event": "letter", "letter": added, **view.facts(now)})
        if self._every:
            self._write({"event": "frame", **view.facts(now)})
        return True

    def _write(self, line: object) -> None:
        stream = self._stream or sys.stdout
        stream.write(f"{json.dumps(line)}\n")  # in one piece: another output may write, too
        stream.flush()

    def finish(self) -> None:
        """Nothing is left to write."""

    def close(self) -> None:
        """Nothing is held open."""
