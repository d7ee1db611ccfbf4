"""Puts another background behind a hand that was cut out of its photo."""

from __future__ import annotations

import numpy as np

from target.opencv import cv2

_BLACK = 0.25  # share of backgrounds that are nearly black: hands cut out, dark rooms
_PICTURE = 0.35  # share that is another image's background
_COARSE = (2, 3, 5, 8)  # sides of random textures before they are enlarged


def replace_background(
    image: np.ndarray, mask: np.ndarray, other: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Return the hand before something else: black, an even or uneven wall, a texture, another image.

    Args:
        image: uint8 (h, w).
        mask: uint8 (h, w), 255 where the hand is.
        other: uint8 (h, w), another image that may become the background.
        generator: Source of all draws.

    Returns:
        uint8 (h, w).
    """
    drawn = generator.random()
    if drawn < _BLACK:
        behind = generator.normal(generator.uniform(0, 30), 2, image.shape)
    elif drawn < _BLACK + _PICTURE:
        behind = cv2.GaussianBlur(np.rot90(other, int(generator.integers(0, 4))), (5, 5), 0).astype(
            float
        )
    else:
        behind = _texture(image.shape, generator)
    # The cut is softened, and hard by a hair inside: the old wall must not shine through.
    share = cv2.GaussianBlur(cv2.erode(mask, np.ones((2, 2), np.uint8)), (3, 3), 0) / 255.0
    mixed = share * image + (1 - share) * behind
    return np.asarray(np.clip(np.rint(mixed), 0, 255), dtype=np.uint8)


def _texture(shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    """Return an uneven wall: a few random levels, enlarged smoothly."""
    side = int(generator.choice(_COARSE))
    level, contrast = generator.uniform(10, 245), generator.uniform(0, 50)
    coarse = generator.normal(level, contrast, (side, side)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC))
