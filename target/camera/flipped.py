"""A source whose picture is turned: a camera that hangs upside down, or behind a mirror."""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, Optional

from target.camera.base import Frame, Source
from target.opencv import cv2

FLIPS = {"none": None, "horizontal": 1, "vertical": 0, "180": -1}


class Flipped:
    """Gives another source's frames, turned.

    Args:
        source: Whose; closed with this one.
        how: A key of FLIPS.
    """

    def __init__(self, source: Source, how: str) -> None:
        self.uri = source.uri
        self.live = source.live
        self.fps = source.fps
        self._source: Any = source
        self._code = FLIPS[how]
        if hasattr(source, "wait"):
            self.wait = self._wait

    def __getattr__(self, name: str) -> Any:
        """Everything else is the source's own: what it dropped, whether it is in trouble."""
        return getattr(self._source, name)

    def _turned(self, frame: Optional[Frame]) -> Optional[Frame]:
        if frame is None or self._code is None:
            return frame
        return dataclasses.replace(frame, image=cv2.flip(frame.image, self._code))

    def read(self) -> Optional[Frame]:
        """Return the next frame."""
        return self._turned(self._source.read())

    def _wait(self, timeout_s: float) -> Optional[Frame]:
        return self._turned(self._source.wait(timeout_s))

    def facts(self) -> Dict[str, Any]:
        """Return what the record says of the source."""
        facts = getattr(self._source, "facts", None)
        return {} if facts is None else dict(facts())

    def close(self) -> None:
        """Release the source."""
        self._source.close()
