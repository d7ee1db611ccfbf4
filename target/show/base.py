"""What a sink is: something that is shown every processed frame."""

from __future__ import annotations

import dataclasses
from typing import Protocol, Tuple

from target.camera.base import Frame
from target.vision.postprocess import Prediction


@dataclasses.dataclass(frozen=True)
class View:
    """What is known when a frame has been processed.

    Attributes:
        frame: The picture as it came.
        prediction: Of the network.
        text: Spelled so far.
        fps: Processed frames a second, over the last second.
        latency_ms: From capture to letter, of this frame.
        dropped: Frames of the source that nobody processed, so far.
        square: top, left, side of what the network saw.
        source: What executes the network, in a word or two.
    """

    frame: Frame
    prediction: Prediction
    text: str
    fps: float
    latency_ms: float
    dropped: int
    square: Tuple[int, int, int]
    source: str


class Sink(Protocol):
    """Shows or stores processed frames."""

    def show(self, view: View) -> bool:
        """Take in a processed frame; returns False when the user wants to stop.

        Raises:
            OutputError: If it cannot be shown or stored.
        """
        ...

    def finish(self) -> None:
        """Keep what was stored: the run ended as it should, or the user stopped it.

        Raises:
            OutputError: If it is not whole.
        """
        ...

    def close(self) -> None:
        """Release everything; what was stored and not finished is gone. May be called twice."""
        ...
