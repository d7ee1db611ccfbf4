"""Stands for cv2.VideoCapture."""

from __future__ import annotations

import threading
from typing import Any

from target.opencv import load


class FakeCapture:
    """Gives images for ever; a test sets what it does on the class it gets from `fake_captures`.

    Attributes:
        opens: Whether it opens.
        image: What it gives; None for no frame.
        facts: What properties it has; what was set if it is not named.
        fails_to_open: Raised by the constructor.
        fails_to_read: Raised by read.
    """

    made: list[FakeCapture]
    opens = True
    image: Any = None
    facts: dict[int, float]
    fails_to_open: Exception | None = None
    fails_to_read: Exception | None = None

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments
        self.wishes: list[tuple[int, float]] = []
        self.released = 0
        self.reading = threading.Lock()
        self.made.append(self)
        if self.fails_to_open is not None:
            raise self.fails_to_open

    def isOpened(self) -> bool:
        return self.opens

    def set(self, name: int, value: float) -> bool:
        self.wishes.append((name, value))
        return True

    def get(self, name: int) -> float:
        return self.facts.get(name, dict(self.wishes).get(name, 0.0))

    def read(self) -> tuple[bool, Any]:
        with self.reading:
            if self.fails_to_read is not None:
                raise self.fails_to_read
            return self.image is not None, self.image

    def release(self) -> None:
        assert not self.reading.locked(), "released under a thread that reads"
        self.released += 1


def fake_captures(monkeypatch: Any) -> type[FakeCapture]:
    """Put a class of its own in place of cv2.VideoCapture."""

    class Capture(FakeCapture):
        made: list[FakeCapture] = []  # noqa: RUF012 - one list a test, on purpose
        facts: dict[int, float] = {}  # noqa: RUF012

    monkeypatch.setattr(load(), "VideoCapture", Capture)
    return Capture
