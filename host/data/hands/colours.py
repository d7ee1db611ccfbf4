"""Colours in linear light, 0-1, in OpenCV's order blue, green, red; to and from the bytes of a picture."""

from __future__ import annotations

import numpy as np

from host.data.hands.compiled import compiled

GAMMA = 2.2
_LEVELS = 4096
_TO_BYTE = np.round(255 * (np.arange(_LEVELS + 1) / _LEVELS) ** (1 / GAMMA)).astype(np.uint8)


def linear(code: str) -> np.ndarray:
    """Return the colour of six hexadecimal digits, red first, float64 (3,)."""
    red_first = np.array([int(code[i : i + 2], 16) for i in (0, 2, 4)]) / 255
    return np.asarray(red_first[::-1] ** GAMMA)


def mix(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    """Return a + share * (b - a)."""
    return np.asarray(a + share * (b - a))


def to_bytes(picture: np.ndarray) -> np.ndarray:
    """Return uint8 of float (h, w, 3) in linear light; values beyond 1 are overexposed."""
    out = np.empty(picture.shape, dtype=np.uint8)
    _look_up(picture, _TO_BYTE, out)
    return out


@compiled
def _look_up(picture: np.ndarray, table: np.ndarray, out: np.ndarray) -> None:
    top = len(table) - 1
    for y in range(picture.shape[0]):
        for x in range(picture.shape[1]):
            for channel in range(3):
                level = min(max(picture[y, x, channel], 0.0), 1.0) * top
                out[y, x, channel] = table[int(level)]


def from_bytes(picture: np.ndarray) -> np.ndarray:
    """Return float32, linear, of uint8."""
    table = ((np.arange(256) / 255) ** GAMMA).astype(np.float32)
    return np.asarray(table[picture])
