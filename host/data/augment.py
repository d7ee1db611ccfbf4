"""Random changes to training images: small affine moves, brightness, contrast, blur.

Every draw comes from the generator that is handed in, so that an epoch can be repeated exactly.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from target.opencv import cv2


@dataclasses.dataclass(frozen=True)
class AugmentConfig:
    """How far an image may be changed; all draws are uniform and symmetric.

    Attributes:
        rotate_deg: Largest rotation, degrees.
        zoom: Largest relative change of size, 0.15 = 0.85 to 1.15.
        shift: Largest move as a share of the side.
        shear: Largest horizontal shear, tangent.
        brightness: Largest offset as a share of 255.
        contrast: Largest relative change of contrast about the image's mean.
        blur_share: Share of the images that are blurred with a 3x3 binomial kernel.
    """

    rotate_deg: float = 12.0
    zoom: float = 0.15
    shift: float = 0.10
    shear: float = 0.10
    brightness: float = 0.15
    contrast: float = 0.30
    blur_share: float = 0.15


def augment(
    images: np.ndarray, config: AugmentConfig, generator: np.random.Generator
) -> np.ndarray:
    """Return a changed copy of a batch.

    Args:
        images: uint8 (n, h, w).
        config: How far.
        generator: Source of all draws; 9 draws are taken per image whatever the config.

    Returns:
        uint8 (n, h, w).
    """
    draws = generator.uniform(-1.0, 1.0, size=(len(images), 9))
    return np.stack([_change(image, config, row) for image, row in zip(images, draws)])


def _change(image: np.ndarray, config: AugmentConfig, draw: np.ndarray) -> np.ndarray:
    height, width = image.shape
    angle = np.deg2rad(config.rotate_deg * draw[0])
    zoom_x, zoom_y = (
        1 + config.zoom * draw[1],
        1 + config.zoom * draw[1] + 0.3 * config.zoom * draw[2],
    )
    cosine, sine, shear = np.cos(angle), np.sin(angle), config.shear * draw[3]
    matrix = np.array([[cosine, -sine], [sine, cosine]]) @ np.array([[zoom_x, shear], [0, zoom_y]])
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    move = np.array([config.shift * draw[4] * width, config.shift * draw[5] * height])
    offset = centre - matrix @ centre + move
    moved = cv2.warpAffine(
        image,
        np.column_stack([matrix, offset]),
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if draw[8] > 1 - 2 * config.blur_share:
        moved = cv2.GaussianBlur(moved, (3, 3), 0)
    gain = 1 + config.contrast * draw[6]
    bias = 255 * config.brightness * draw[7] + float(moved.mean()) * (1 - gain)
    return np.asarray(cv2.convertScaleAbs(np.maximum(moved * gain + bias, 0)))
