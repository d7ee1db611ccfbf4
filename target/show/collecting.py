"""Outputs of `capture`: a window whose keys store crops, and one that stores by itself."""

from __future__ import annotations

import logging
from typing import Optional, Tuple

import numpy as np

from target.errors import AppError, DataError, OutputError, one_line
from target.opencv import cv2, translated
from target.pipeline.controls import Controls
from target.show.base import View
from target.show.capture import Collector, check_letter
from target.show.window import TITLE, WindowSink, plain_key
from target.text.labels import STATIC_LETTERS

_log = logging.getLogger(__name__)
_HEIGHT, _WIDEST, _NARROWEST = 480, 960, 320  # of the picture, pixels
_SEEN = 252  # side of what the network sees, pixels
_PANEL = _SEEN + 28
_BACK = 32
_WHITE, _GREEN, _GRAY, _RED = (255, 255, 255), (80, 200, 120), (140, 140, 140), (90, 90, 240)
_ROUNDING_S = 1e-6  # 25/25 - 20/25 is less than 0.2
_TAKE_BACK = (8, 127)  # Backspace, Delete


class CollectingSink:
    """Stores a crop under one letter every so often.

    Args:
        collector: Stores.
        letter: Under which.
        every_s: Seconds of the source between two.
        controls: Told to stop when nothing more can be stored.

    Raises:
        DataError: If the letter has no still form.
    """

    name = "collector"
    wants_all = True

    def __init__(
        self, collector: Collector, letter: str, every_s: float, controls: Controls
    ) -> None:
        self._collector, self._controls = collector, controls
        self._letter, self._every_s = check_letter(letter, "--letter"), every_s
        self._last_s: Optional[float] = None

    def open(self) -> None:
        """Nothing is opened."""

    def show(self, view: View) -> bool:
        """Store if it is time; False when the letter has enough.

        Raises:
            OutputError: If nothing can be stored.
        """
        if self._has_enough():
            return False
        if view.frame is None or not view.fresh:
            return True
        now = view.time_s
        if self._last_s is not None and 0 <= now - self._last_s < self._every_s - _ROUNDING_S:
            return True
        self._last_s = now
        self._collector.look(view)
        try:
            done = self._collector.capture(self._letter)
            _log.info("%s: %d of %d", self._letter, done["count"], self._collector.wanted)
        except DataError as error:
            _log.info("%s", one_line(error))
        except OutputError:
            self._controls.stop()
            raise
        return not self._has_enough()

    def _has_enough(self) -> bool:
        return self._collector.counts()[self._letter] >= self._collector.wanted

    def finish(self) -> None:
        """Every crop is stored already."""

    def close(self) -> None:
        """Nothing is held open."""


class CollectingWindow(WindowSink):
    """A window in which letter keys store crops; arrows, + and - move the region, Escape stops.

    Backspace takes the last crop back.

    Args:
        controls: What keys and mouse change.
        collector: Stores.
    """

    def __init__(self, controls: Controls, collector: Collector) -> None:
        super().__init__(controls)
        self._collector = collector
        self._said = "hold a letter and press its key; Backspace takes back, Escape stops"

    def show(self, view: View) -> bool:
        """Show the picture and the counts; False if the user stops or closes the window."""
        self._view = view
        self._collector.look(view)
        with translated("window must show a frame; use --headless", OutputError):
            cv2.imshow(TITLE, draw_collecting(view, self._collector, self._said))
            key = cv2.waitKeyEx(1)
            if cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) < 1:
                return False
        return self.press(key)

    def press(self, key: int) -> bool:
        """Store under a letter's key, take back; Escape stops. An error is said, and nothing ends."""
        plain = plain_key(key)
        letter = chr(plain).upper() if 0 < plain <= 0xFF else ""
        try:
            if letter and letter in STATIC_LETTERS:
                done = self._collector.capture(letter)
                self._said = f"{letter}: {done['count']} of {self._collector.wanted}"
            elif plain in _TAKE_BACK:
                letter = self._collector.take_back()
                self._said = f"{letter}: took back, {self._collector.counts()[letter]} are left"
            else:
                return super().press(plain)
        except AppError as error:
            self._said = one_line(error)
        return True

    def scale(self, height: int, width: int) -> float:
        """Return pixels of the window for one of a frame."""
        return _scale(height, width)


def _scale(height: int, width: int) -> float:
    return min(_HEIGHT / height, _WIDEST / width)


def draw_collecting(view: View, collector: Collector, said: str) -> np.ndarray:
    """Return the frame, what the network sees, and how many crops each letter has; uint8 BGR."""
    whole = np.hstack([_picture(view), _panel(view, collector)])
    bar = np.full((32, whole.shape[1], 3), _BACK, np.uint8)
    _write(bar, view.trouble or said, (12, 21), _RED if view.trouble else _WHITE)
    return np.vstack([whole, bar])


def _picture(view: View) -> np.ndarray:
    """Return the frame with the region, as high as the panel, and as people want to see it."""
    frame = view.frame.image if view.frame is not None else np.full((480, 640, 3), _BACK, np.uint8)
    frame = cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR) if frame.ndim == 2 else frame
    height, width = frame.shape[:2]
    scale = _scale(height, width)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    picture = cv2.resize(frame, size)
    top, left, side = (round(value * scale) for value in view.square)
    if side:
        cv2.rectangle(picture, (left, top), (left + side - 1, top + side - 1), _GREEN, 2)
    picture = cv2.flip(picture, 1) if view.mirrored else picture
    canvas = np.full((_HEIGHT, max(size[0], _NARROWEST), 3), _BACK, np.uint8)
    down, right = (_HEIGHT - size[1]) // 2, (canvas.shape[1] - size[0]) // 2
    canvas[down : down + size[1], right : right + size[0]] = picture
    return canvas


def _panel(view: View, collector: Collector) -> np.ndarray:
    """Return what the network sees, and the counts below."""
    panel = np.full((_HEIGHT, _PANEL, 3), _BACK, np.uint8)
    gray = view.steady_gray()
    if gray is not None:
        seen = cv2.resize(gray, (_SEEN, _SEEN), interpolation=cv2.INTER_NEAREST)
        panel[14 : 14 + _SEEN, 14 : 14 + _SEEN] = seen[:, :, None]
    counts, wanted, wanting = collector.counts(), collector.wanted, collector.next_letter()
    for index, letter in enumerate(STATIC_LETTERS):
        row, column = divmod(index, 4)
        x, y = 14 + 64 * column, 292 + 27 * row
        done = counts[letter] >= wanted
        _write(panel, letter, (x, y), _GREEN if done else _WHITE)
        full = round(36 * min(counts[letter] / wanted, 1.0))
        if full:
            cv2.rectangle(panel, (x + 18, y - 9), (x + 18 + full, y - 1), _GREEN, -1)
        frame = _WHITE if letter == wanting else _GRAY
        cv2.rectangle(panel, (x + 18, y - 9), (x + 54, y - 1), frame, 1)
    hint = (
        f"next: {wanting}, {counts[wanting]} of {wanted}" if wanting else "every letter has enough"
    )
    _write(panel, hint, (14, 464), _WHITE)
    return panel


def _write(
    image: np.ndarray, text: str, where: Tuple[int, int], colour: Tuple[int, int, int]
) -> None:
    """Write a line, smaller if it would not fit."""
    size = 0.5
    room = image.shape[1] - where[0] - 8
    while size > 0.3 and cv2.getTextSize(text, 0, size, 1)[0][0] > room:
        size -= 0.05
    cv2.putText(image, text, where, 0, size, colour, 1, cv2.LINE_AA)
