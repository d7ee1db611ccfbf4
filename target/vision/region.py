"""The region of interest: the square of the frame that the network sees, movable and resizable."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Optional, Tuple

from target.errors import DataError
from target.vision.crop import centre_square

_SMALLEST = 0.1  # of the frame's shorter side


@dataclasses.dataclass(frozen=True)
class Region:
    """A square by its centre and side, relative, so that it fits every frame size.

    Attributes:
        x: Of the centre, share of the width.
        y: Of the centre, share of the height.
        side: Share of the frame's shorter side.
    """

    x: float = 0.5
    y: float = 0.5
    side: float = 1.0

    def moved(self, right: float, down: float) -> Region:
        """Return it moved by shares of width and height, its centre still inside the frame."""
        return Region(_within(self.x + right), _within(self.y + down), self.side)

    def resized(self, factor: float) -> Region:
        """Return it larger or smaller about the same centre."""
        return Region(self.x, self.y, min(max(self.side * factor, _SMALLEST), 1.0))

    def describe(self) -> dict[str, float]:
        """Return it for JSON."""
        return {name: round(value, 4) for name, value in dataclasses.asdict(self).items()}


WHOLE = Region()


def _within(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def square_of(
    region: Region, height: int, width: int, size: int, max_trim: float
) -> Tuple[int, int, int]:
    """Return (top, left, side) of a region in a frame, moved so that it lies inside.

    Args:
        region: Which; the whole one is the manifest's crop.
        height: Of the frame, pixels.
        width: Of the frame, pixels.
        size: Side of the network's input.
        max_trim: Of the crop rule, by which the side becomes a multiple of `size`.
    """
    wanted = max(round(region.side * min(height, width)), 1)
    _, _, side = centre_square(wanted, wanted, size, max_trim)
    top = round(region.y * height - side / 2)
    left = round(region.x * width - side / 2)
    if region == WHOLE:
        return centre_square(height, width, size, max_trim)
    return min(max(top, 0), height - side), min(max(left, 0), width - side), side


def region_of(square: Tuple[float, float, float], height: int, width: int) -> Region:
    """Return the region of a square of pixels: left, top, side."""
    left, top, side = square
    return Region(
        _within((left + side / 2) / width),
        _within((top + side / 2) / height),
        min(max(side / min(height, width), _SMALLEST), 1.0),
    )


def parse_region(value: Any, where: str = "--region") -> Region:
    """Return the region of `x,y,side` or of a mapping with these keys.

    Raises:
        DataError: If it is not three numbers 0-1, the side at least 0.1.
    """
    form = f"{where} must be x,y,side: three shares 0-1, the side at least {_SMALLEST}"
    try:
        parts = [value[name] for name in ("x", "y", "side")] if isinstance(value, dict) else None
        numbers = [float(part) for part in (parts or str(value).split(","))]
        x, y, side = numbers
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise DataError(f"{form}, got '{str(value)[:60]}'") from error
    if not all(math.isfinite(n) and 0 <= n <= 1 for n in numbers) or side < _SMALLEST:
        raise DataError(f"{form}, got {x:g}, {y:g}, {side:g}")
    return Region(x, y, side)


def stored_region(value: Optional[str]) -> Region:
    """Return the region of a command line's option; the whole picture without one."""
    return WHOLE if value is None else parse_region(value)
