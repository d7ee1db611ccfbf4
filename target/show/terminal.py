"""Letters and one status line in a terminal: enough over ssh, without any display."""

from __future__ import annotations

import os
import sys
import time
from typing import TextIO

from target.show.base import View
from target.text.speller import MOVING, NOTHING

_GAP_S = 0.1  # between two status lines
_BAR = 8
_LEAST_TEXT = 8
_COLUMNS = 80


class TerminalSink:
    """Rewrites one line: letter, how near it is to counting, text, rate, age.

    Where the stream is no terminal, only letters that count are written, as they come.

    Args:
        stream: Where to; stderr, so that stdout stays for the record.
    """

    name = "terminal"
    wants_all = True  # every letter is written

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        self._stream = stream
        self._drawn_s = 0.0
        self._is_terminal = stream.isatty()
        self._is_dumb = os.environ.get("TERM", "dumb") == "dumb"

    def open(self) -> None:
        """Nothing is opened."""

    def show(self, view: View) -> bool:
        """Write what is new."""
        if not self._is_terminal:
            if view.spelling.added:
                self._write(view.spelling.added)
            return True
        now = time.perf_counter()
        if now - self._drawn_s >= _GAP_S or view.spelling.added:
            self._drawn_s = now
            width = self._columns() - 1
            line = self.line(view, width, now)
            self._write(f"\r{line:<{width}}" if self._is_dumb else f"\r\x1b[2K{line}")
        return True

    def _columns(self) -> int:
        """Return the width of this stream's terminal, not that of stdout, which may be a file."""
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or _COLUMNS
        except (OSError, ValueError):
            return _COLUMNS

    def line(self, view: View, width: int, now_s: float) -> str:
        """Return the status line, at most `width` characters."""
        if view.trouble:
            return f"[{view.trouble}]  {view.text}"[:width]
        state, prediction = view.spelling.state, view.prediction
        letter, sure = "-", " no hand "
        if state == MOVING:
            sure = "  moving "
        elif state != NOTHING and prediction is not None:
            letter, sure = prediction.letter, f"{prediction.confidence:8.0%} "
        filled = round(_BAR * view.spelling.progress)
        bar = "#" * filled + "." * (_BAR - filled)
        age = f"  age {view.age_ms(now_s):4.0f} ms" if view.live else ""
        facts = f"{view.fps:4.0f} fps{age}  dropped {view.dropped}"
        head = f" {letter} {sure}[{bar}]  "
        if width < len(head) + _LEAST_TEXT:  # the letter and the text, which matter more
            head = f" {letter}  "
        if width < len(head) + _LEAST_TEXT + len(facts) + 2:
            return f"{head}{f'{view.text}_'[-max(width - len(head), 1) :]}"[:width]
        room = max(width - len(head) - len(facts) - 3, 8)
        text = f"{view.text}_"[-room:]
        return f"{head}{text:<{room}}  {facts}"[:width]

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()

    def finish(self) -> None:
        """End the line."""
        self._write("\n")

    def close(self) -> None:
        """Nothing is held open."""
