"""A small pattern in a frame's margin that says which frame it is and when it was made.

64 cells, black or white, row by row, highest bit first: 24 bits frame index, 32 bits milliseconds, 8 bits
CRC. It stands outside the centre square that the network sees, and cells are large enough to survive a
lossy video, so that lost and repeated frames can be read off any output, and delay by whoever compares the
time in a frame with that of its being shown. The overlay enlarges frames below 480 x 160 and then hides it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_CELLS = 8
_LARGEST_CELL, _SMALLEST_CELL = 8, 3
_QUIET = 4  # pixels to the edge of the picture
_INDEX_BITS, _TIME_BITS, _CRC_BITS = 24, 32, 8
_LEAST_CONTRAST = 40
_UNCLEAR = (0.35, 0.65)


class TimeCode(NamedTuple):
    """What a frame says of itself.

    Attributes:
        frame: Frame number, modulo 2**24.
        milliseconds: Capture time on the camera's own clock, modulo 2**32.
    """

    frame: int
    milliseconds: int


def find_place(height: int, width: int) -> tuple[int, int, int] | None:
    """Return top, left and cell size in a frame of that size; None if the margin is too small."""
    margin = abs(width - height) // 2
    room = min(margin, height, width) - 2 * _QUIET
    cell = min(_LARGEST_CELL, room // _CELLS)
    if cell < _SMALLEST_CELL:
        return None
    if width > height:
        return (height - _CELLS * cell) // 2, _QUIET, cell
    return _QUIET, width - _CELLS * cell - _QUIET, cell


def draw_timecode(frame: np.ndarray, code: TimeCode) -> None:
    """Draw a time code into a frame, uint8 (h, w, 3); nothing if there is no room."""
    place = find_place(*frame.shape[:2])
    if place is None:
        return
    top, left, cell = place
    bits = np.array([_pack(code) >> (63 - i) & 1 for i in range(_CELLS**2)], dtype=np.uint8)
    pattern = np.kron(bits.reshape(_CELLS, _CELLS), np.full((cell, cell), 255, dtype=np.uint8))
    side = _CELLS * cell
    frame[top : top + side, left : left + side] = pattern[:, :, None]


def blank_timecode(frame: np.ndarray) -> None:
    """Paint over where a time code would stand."""
    place = find_place(*frame.shape[:2])
    if place is not None:
        top, left, cell = place
        frame[top : top + _CELLS * cell, left : left + _CELLS * cell] = 0


def read_timecode(frame: np.ndarray) -> TimeCode | None:
    """Return the time code of a frame, uint8 (h, w, 3) or (h, w); None if there is none to be read."""
    place = find_place(*frame.shape[:2])
    if place is None:
        return None
    top, left, cell = place
    side = _CELLS * cell
    area = frame[top : top + side, left : left + side].astype(np.float32)
    if area.ndim == 3:
        area = area.mean(axis=2)
    inner = area.reshape(_CELLS, cell, _CELLS, cell)[:, 1 : cell - 1, :, 1 : cell - 1]
    level = inner.mean(axis=(1, 3)).ravel()
    if level.max() - level.min() < _LEAST_CONTRAST:
        return None
    middle = (level - level.min()) / (level.max() - level.min())
    if ((middle > _UNCLEAR[0]) & (middle < _UNCLEAR[1])).any():  # a picture, not a pattern
        return None
    word = 0
    for bit in level > (level.max() + level.min()) / 2:
        word = word << 1 | int(bit)
    index = word >> (_TIME_BITS + _CRC_BITS)
    code = TimeCode(index, word >> _CRC_BITS & (1 << _TIME_BITS) - 1)
    return code if _pack(code) == word else None


def _pack(code: TimeCode) -> int:
    index = code.frame % (1 << _INDEX_BITS)
    payload = index << _TIME_BITS | code.milliseconds % (1 << _TIME_BITS)
    return payload << _CRC_BITS | _crc8(payload.to_bytes(7, "big"))


def _crc8(data: bytes) -> int:
    """Return CRC-8 (polynomial 0x07, start 0x5A, so that a black square is no code)."""
    crc = 0x5A
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07 if crc & 0x80 else crc << 1) & 0xFF
    return crc
