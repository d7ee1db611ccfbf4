"""Shows the overlaid frames in a window; Q or Escape stops."""

from __future__ import annotations

import os
import sys

from target.errors import OutputError
from target.opencv import cv2, translated
from target.show.base import View
from target.show.overlay import draw_overlay

TITLE = "ASL"
_STOP_KEYS = (ord("q"), 27)


class WindowSink:
    """A window of OpenCV's.

    Raises:
        OutputError: If there is no display, or OpenCV was built without windows.
    """

    def __init__(self) -> None:
        if sys.platform == "linux" and not (
            os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        ):
            raise OutputError(
                "display must be there for a window, got none (DISPLAY is not set); use --headless"
                " or an output such as signs.avi"
            )
        if "GUI:                           NONE" in cv2.getBuildInformation():
            raise OutputError(
                "OpenCV must be built with windows, got the headless package; run"
                " pip install opencv-python in place of opencv-python-headless, or use --headless"
            )
        with translated("window must open; use --headless", OutputError):
            cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL)

    def show(self, view: View) -> bool:
        """Show a frame; False if the user pressed Q or Escape."""
        with translated("window must show a frame; use --headless", OutputError):
            cv2.imshow(TITLE, draw_overlay(view))
            return (cv2.waitKey(1) & 0xFF) not in _STOP_KEYS

    def finish(self) -> None:
        """Nothing was stored."""

    def close(self) -> None:
        """Close the window."""
        with translated("window must close", OutputError):
            cv2.destroyAllWindows()
