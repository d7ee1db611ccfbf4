"""An annotated hand of a picture: what every format of annotations is read into."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from host.data.imports.picture import Box
from target.errors import DataError
from target.text.labels import label_of


@dataclasses.dataclass(frozen=True)
class Hand:
    """A hand and where it is.

    Attributes:
        picture: Name of its file in the download.
        label: 0-25 = A-Z.
        box: Around the hand.
        relative: The box is in shares of the picture's width and height, not in pixels.
    """

    picture: str
    label: int
    box: Box
    relative: bool = False


def make_hand(
    picture: str, letter: str, edges: Sequence[float], where: str, relative: bool = False
) -> Hand:
    """Check what an annotation says and return the hand.

    Args:
        picture: Name of its file in the download.
        letter: A-Z, either case.
        edges: Left, top, right, bottom.
        where: The annotation's file, for messages.
        relative: As in Hand.

    Raises:
        DataError: If the letter is none, or the box has no area.
    """
    try:
        label = label_of(letter.strip())
    except DataError as error:
        raise DataError(f"{error} in {where}") from error
    left, top, right, bottom = edges
    if not all(map(math.isfinite, edges)) or right <= left or bottom <= top:
        raise DataError(
            f"box (left, top, right, bottom) must have an area, got ({left:g}, {top:g},"
            f" {right:g}, {bottom:g}) for {picture} in {where}"
        )
    return Hand(picture, label, Box(left, top, right, bottom), relative)
