"""Shows the overlaid frames in a window, with keys and mouse.

Q Escape  stop                 Space      a space            Backspace  delete     C  clear
arrows    move the region      + -        larger, smaller    R  the whole picture
F         find the hand        L          left-handed        M  mirrored view
mouse     drag the region; the wheel or + - change its size
1 2 3     take a proposed word
"""

from __future__ import annotations

import os
import sys
from typing import Any, Optional, Tuple

from target.errors import OutputError
from target.opencv import cv2, translated
from target.pipeline.controls import Controls
from target.show.base import View
from target.show.display import is_display_there
from target.show.overlay import drawn_size, overlaid
from target.vision.region import WHOLE

TITLE = "ASL"
_STOP_KEYS = (ord("q"), ord("Q"), 27)
_STEP = 0.03
_LARGER = 1.08
# Key codes of arrows as GTK, Qt and Windows give them to waitKeyEx.
_ARROWS = {
    65361: (-1, 0), 65362: (0, -1), 65363: (1, 0), 65364: (0, 1),
    2424832: (-1, 0), 2490368: (0, -1), 2555904: (1, 0), 2621440: (0, 1),
}  # fmt: skip
# Other keys with a name of their own, as GTK gives them.
_NAMED = {0xFF08: 8, 0xFF1B: 27, 0xFFFF: 127, 0xFFAB: ord("+"), 0xFFAD: ord("-")}


def plain_key(key: int) -> int:
    """Return a key of waitKeyEx: an arrow, a character's code, or -1 for none that means something here.

    GTK tells modifiers in the upper bits, NumLock is one; and without them the lowest byte of the left arrow
    looks like a Q, that of Insert like a C.
    """
    if key < 0 or key in _ARROWS:
        return key
    plain = key & 0xFFFF
    return plain if plain <= 0xFF or plain in _ARROWS else _NAMED.get(plain, -1)


def has_windows() -> bool:
    """Return whether OpenCV was built with windows."""
    return "GUI:                           NONE" not in cv2.getBuildInformation()


def check_display() -> None:
    """Find out whether a window can be opened.

    Raises:
        OutputError: If there is no display, or OpenCV was built without windows.
    """
    if sys.platform == "linux":
        names = [os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")]
        if not any(names):
            raise OutputError(
                "display must be there for a window, got none (DISPLAY is not set); use --headless,"
                " http://:8080 or term://"
            )
        if not is_display_there():
            raise OutputError(
                f"display must answer, got no answer from {' or '.join(filter(None, names))}; use --headless,"
                " http://:8080 or term://"
            )
    if not has_windows():
        raise OutputError(
            "OpenCV must be built with windows, got the headless package; run"
            " pip install opencv-python in place of opencv-python-headless, or use --headless"
        )


class WindowSink:
    """A window of OpenCV's.

    Args:
        controls: What keys and mouse change.
    """

    name = "window"
    wants_all = False

    def __init__(self, controls: Controls) -> None:
        self._controls = controls
        self._view: Optional[View] = None
        self._drag: Optional[Tuple[int, int]] = None
        self._is_open = False

    def open(self) -> None:
        """Open the window.

        Raises:
            OutputError: If there is no display, or OpenCV was built without windows.
        """
        check_display()
        with translated("window must open; use --headless", OutputError):
            cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL)
            cv2.setMouseCallback(TITLE, self._mouse)
        self._is_open = True

    def show(self, view: View) -> bool:
        """Show a frame; False if the user pressed Q or Escape, or closed the window."""
        self._view = view
        with translated("window must show a frame; use --headless", OutputError):
            cv2.imshow(TITLE, overlaid(view))
            key = cv2.waitKeyEx(1)
            if cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) < 1:
                return False
        return self.press(key)

    def press(self, key: int) -> bool:
        """Do what a key says; False for the one that stops."""
        controls, key = self._controls, plain_key(key)
        if key in _ARROWS:
            right, down = _ARROWS[key]
            right = -right if controls.mirrored else right
            controls.move_region(controls.region.moved(_STEP * right, _STEP * down))
            return True
        letter = chr(key).lower() if key >= 0 else ""
        if key in _STOP_KEYS:
            return False
        if letter in (" ", "c") or key in (8, 127):
            controls.edit({" ": "space", "c": "clear"}.get(letter, "delete"))
        elif letter in ("+", "=", "-"):
            factor = 1 / _LARGER if letter == "-" else _LARGER
            controls.move_region(controls.region.resized(factor))
        elif letter == "r":
            controls.move_region(WHOLE)
        elif letter == "f":
            controls.find_hand = not controls.find_hand
        elif letter == "l":
            controls.left_handed = not controls.left_handed
        elif letter == "m":
            controls.mirrored = not controls.mirrored
        elif letter in ("1", "2", "3") and self._view is not None:
            words = self._view.suggestions[int(letter) - 1 : int(letter)]
            if words:
                controls.edit("word", words[0])
        return True

    def scale(self, height: int, width: int) -> float:
        """Return pixels of the window for one of a frame."""
        return drawn_size(height, width)[2]

    def _mouse(self, event: int, x: int, y: int, flags: int, data: Any) -> None:
        """Drag the region with the left button; the wheel changes its size."""
        controls, view = self._controls, self._view
        if view is None or view.frame is None:
            return
        if event == cv2.EVENT_LBUTTONDOWN:
            self._drag = (x, y)
        elif event == cv2.EVENT_LBUTTONUP:
            self._drag = None
        elif event == cv2.EVENT_MOUSEMOVE and self._drag is not None:
            height, width = view.frame.image.shape[:2]
            unit = self.scale(height, width)
            right = (x - self._drag[0]) / (unit * width)
            down = (y - self._drag[1]) / (unit * height)
            self._drag = (x, y)
            right = -right if controls.mirrored else right
            controls.move_region(controls.region.moved(right, down))
        elif event == cv2.EVENT_MOUSEWHEEL:
            factor = _LARGER if cv2.getMouseWheelDelta(flags) > 0 else 1 / _LARGER
            controls.move_region(controls.region.resized(factor))

    def finish(self) -> None:
        """Nothing was stored."""

    def close(self) -> None:
        """Close the window."""
        if self._is_open:
            self._is_open = False
            with translated("window must close", OutputError):
                cv2.destroyAllWindows()
