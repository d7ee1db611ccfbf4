"""What a frame source is: something that gives frames with the time they were captured."""

from __future__ import annotations

import dataclasses
from typing import Optional, Protocol

import numpy as np


@dataclasses.dataclass(frozen=True)
class Frame:
    """One picture.

    Attributes:
        image: uint8 (h, w, 3) BGR.
        index: Count of the source, from 0; gaps are frames that were dropped.
        captured_s: When it was captured, time.perf_counter() seconds; of a file: when reading
            began.
        name: File name or position, for messages.
    """

    image: np.ndarray
    index: int
    captured_s: float
    name: str


class Source(Protocol):
    """Gives frames until there are no more.

    Attributes:
        uri: As the user wrote it.
        live: True for a camera: frames are made whether or not anybody reads them.
        fps: Frames a second that the source is made for; None if it does not say.
    """

    uri: str
    live: bool
    fps: Optional[float]

    def read(self) -> Optional[Frame]:
        """Return the next frame, or None when there are no more.

        Raises:
            SourceError: If the source fails.
        """
        ...

    def close(self) -> None:
        """Release the source; may be called twice."""
        ...
