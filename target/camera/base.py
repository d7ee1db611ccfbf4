"""What a frame source is: something that gives frames with the time they were captured."""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, Optional, Protocol

import numpy as np

from target.errors import SourceError

CLOSE_S = 2.0  # how long closing a file waits for a frame that is being read


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
        uri: As the user wrote it, without a password.
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


class LiveSource(Source, Protocol):
    """A camera that somebody watches over: its newest frame, or a word on why there is none.

    Attributes:
        dropped: Frames that it gave and nobody read.
        trouble: What is wrong at the moment, in a few words; empty if all is well.
    """

    dropped: int
    trouble: str

    @property
    def ended(self) -> bool:
        """Whether no more frames will come."""
        ...

    def wait(self, timeout_s: float) -> Optional[Frame]:
        """Return the newest frame that was not read yet; None if there is none within so long, or ever.

        Raises:
            SourceError: If the source fails and cannot be opened again.
        """
        ...

    def facts(self) -> Dict[str, Any]:
        """Return what the record says of it."""
        ...


def check_image(image: Any, where: str) -> None:
    """Check that a camera gave a picture: drivers also give nothing, or something else.

    Raises:
        SourceError: If it is not uint8 (h, w, 3) or (h, w).
    """
    if (
        not isinstance(image, np.ndarray)
        or image.dtype != np.uint8
        or 0 in image.shape
        or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3))
    ):
        raise SourceError(
            f"camera must give pictures, uint8 (h, w, 3) or (h, w), got {kind_of(image)} from {where}"
        )


def kind_of(image: Any) -> str:
    """Return what something is that may be a picture, for messages."""
    if isinstance(image, np.ndarray):
        return f"{image.dtype} {image.shape}"
    return "nothing" if image is None else type(image).__name__
