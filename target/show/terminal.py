"""Letters and one status line in a terminal: enough over ssh, without any display."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TextIO

from target.show.base import View
from target.text.speller import MOVING, NOTHING

_GAP_S = 0.1  # between two status lines
_BAR = 8


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
            self._write(f"\r\x1b[2K{self.line(view, shutil.get_terminal_size().columns - 1, now)}")
        return True

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
