"""Outputs of `capture`: a window whose keys store crops, and one that stores by itself."""

from __future__ import annotations

import logging
from typing import Optional

import numpy as np

from target.errors import DataError, OutputError, one_line
from target.opencv import cv2, translated
from target.pipeline.controls import Controls
from target.show.base import View
from target.show.capture import Collector
from target.show.window import TITLE, WindowSink
from target.text.labels import STATIC_LETTERS

_log = logging.getLogger(__name__)
_SEEN = 252  # side of what the network sees, pixels
_WHITE, _GREEN, _GRAY, _BACK = (255, 255, 255), (80, 200, 120), (140, 140, 140), (32, 32, 32)


class CollectingSink:
    """Stores a crop under one letter every so often.

    Args:
        collector: Stores.
        letter: Under which.
        every_s: Seconds of the source between two.

    Raises:
        DataError: If the letter has no still form.
    """

    name = "collector"
    wants_all = True

    def __init__(self, collector: Collector, letter: str, every_s: float) -> None:
        if letter.upper() not in STATIC_LETTERS or len(letter) != 1:
            raise DataError(f"--letter must be one of {STATIC_LETTERS}, got '{letter[:20]}'")
        self._collector, self._letter, self._every_s = collector, letter.upper(), every_s
        self._last_s: Optional[float] = None

    def open(self) -> None:
        """Nothing is opened."""

    def show(self, view: View) -> bool:
        """Store if it is time; False when the letter has enough."""
        collector = self._collector
        collector.look(view)
        if view.frame is None or view.trouble:
            return True
        now = view.time_s
        if self._last_s is not None and now - self._last_s < self._every_s:
            return True
        self._last_s = now
        try:
            done = collector.capture(self._letter)
            _log.info("%s: %d of %d", self._letter, done["count"], collector.wanted)
        except DataError as error:
            _log.info("%s", one_line(error))
        return collector.counts()[self._letter] < collector.wanted

    def finish(self) -> None:
        """Every crop is stored already."""

    def close(self) -> None:
        """Nothing is held open."""


class CollectingWindow(WindowSink):
    """A window in which letter keys store crops; arrows, + and - move the region, Escape stops.

    Args:
        controls: What keys and mouse change.
        collector: Stores.
    """

    def __init__(self, controls: Controls, collector: Collector) -> None:
        super().__init__(controls)
        self._collector = collector
        self._said = "hold a letter and press its key"

    def show(self, view: View) -> bool:
        """Show the picture and the counts; False if the user stops."""
        self._view = view
        self._collector.look(view)
        with translated("window must show a frame; use --headless", OutputError):
            cv2.imshow(TITLE, draw_collecting(view, self._collector, self._said))
            key = cv2.waitKeyEx(1)
        return self.press(key)

    def press(self, key: int) -> bool:
        """Store under a letter's key; Escape stops."""
        letter = chr(key & 0xFF).upper() if 0 <= key < 256 else ""
        if not letter or letter not in STATIC_LETTERS:
            return super().press(key)
        try:
            done = self._collector.capture(letter)
            self._said = f"{letter}: {done['count']} of {self._collector.wanted}"
        except DataError as error:
            self._said = one_line(error)
        return True


def draw_collecting(view: View, collector: Collector, said: str) -> np.ndarray:
    """Return the frame, what the network sees, and how many crops each letter has; uint8 BGR."""
    frame = view.frame.image if view.frame is not None else np.full((480, 640, 3), 32, np.uint8)
    scale = 480 / frame.shape[0]
    top, left, side = (round(value * scale) for value in view.square)
    picture = cv2.resize(frame, (round(frame.shape[1] * scale), 480))
    picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR) if picture.ndim == 2 else picture
    if side:
        cv2.rectangle(picture, (left, top), (left + side - 1, top + side - 1), _GREEN, 2)
    panel = np.full((480, _SEEN + 28, 3), _BACK[0], np.uint8)
    if view.gray is not None:
        seen = cv2.resize(view.gray, (_SEEN, _SEEN), interpolation=cv2.INTER_NEAREST)
        panel[14 : 14 + _SEEN, 14 : 14 + _SEEN] = seen[:, :, None]
    counts, wanted = collector.counts(), collector.wanted
    for index, letter in enumerate(STATIC_LETTERS):
        row, column = divmod(index, 4)
        x, y = 14 + 64 * column, 300 + 28 * row
        done = counts[letter] >= wanted
        cv2.putText(panel, letter, (x, y), 0, 0.5, _GREEN if done else _WHITE, 1, cv2.LINE_AA)
        full = min(counts[letter] / wanted, 1.0)
        cv2.rectangle(panel, (x + 16, y - 9), (x + 52, y - 2), _GRAY, 1)
        cv2.rectangle(panel, (x + 16, y - 9), (x + 16 + round(36 * full), y - 2), _GREEN, -1)
    wanting = collector.next_letter()
    hint = f"next: {wanting}" if wanting else "every letter has enough"
    cv2.putText(panel, hint, (14, 472), 0, 0.5, _WHITE, 1, cv2.LINE_AA)
    whole = np.hstack([picture, panel])
    bar = np.full((32, whole.shape[1], 3), _BACK[0], np.uint8)
    cv2.putText(bar, said[:110], (12, 21), 0, 0.5, _WHITE, 1, cv2.LINE_AA)
    return np.vstack([whole, bar])
