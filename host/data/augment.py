"""Random changes to training images: place, light, sharpness, noise, and what hides a part of the hand.

Every draw comes from the generator that is handed in, so that an epoch can be repeated exactly.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from target.opencv import cv2

_LEAST_PIXELS = 14  # side that a coarse image is shrunk to, at least


@dataclasses.dataclass(frozen=True)
class AugmentConfig:
    """How far an image may be changed: amounts are the largest of uniform draws, shares are of images.

    Attributes:
        rotate_deg: Largest rotation, degrees.
        zoom: Largest change of size, logarithmic: 0.15 = 0.86 to 1.16.
        stretch: Largest further change of the height, logarithmic.
        shift: Largest move as a share of the side.
        shear: Largest horizontal shear, tangent.
        mirror: Share that is mirrored.
        brightness: Largest offset as a share of 255.
        contrast: Largest change of contrast about the image's mean, logarithmic.
        gamma: Largest change of the exponent of the tone curve, logarithmic.
        lighting: Largest fall of light across half the image, along each axis.
        lit: Share that gets such a gradient.
        invert: Share whose bright and dark are swapped.
        noise: Largest standard deviation of pixel noise, gray levels.
        noisy: Share that gets noise.
        blur: Share that is blurred with a 3x3 binomial kernel.
        coarse: Share that is shrunk and enlarged again.
        occlude: Share of which a rectangle is hidden.
        background: Share of those with a mask of the hand that get another background.
    """

    rotate_deg: float = 12.0
    zoom: float = 0.15
    stretch: float = 0.05
    shift: float = 0.10
    shear: float = 0.10
    mirror: float = 0.0
    brightness: float = 0.15
    contrast: float = 0.30
    gamma: float = 0.0
    lighting: float = 0.0
    lit: float = 0.0
    invert: float = 0.0
    noise: float = 0.0
    noisy: float = 0.0
    blur: float = 0.15
    coarse: float = 0.0
    occlude: float = 0.0
    background: float = 0.0


NOTHING = AugmentConfig(**{field.name: 0.0 for field in dataclasses.fields(AugmentConfig)})


def augment(
    images: np.ndarray, config: AugmentConfig, generator: np.random.Generator
) -> np.ndarray:
    """Return a changed copy of a batch.

    Args:
        images: uint8 (n, h, w).
        config: How far.
        generator: Source of all draws.

    Returns:
        uint8 (n, h, w).
    """
    count = len(images)
    draws = generator.uniform(-1.0, 1.0, size=(count, 12))
    happens = generator.random(size=(count, 8))
    moved = np.stack(
        [
            _move(image, config, row, chance)
            for image, row, chance in zip(images, draws, happens[:, 0])
        ]
    )
    lit = _light(moved.astype(np.float32), config, draws[:, 6:], happens[:, 1:3])
    noisy = config.noise * (happens[:, 3] < config.noisy) * generator.random(count)
    if noisy.any():
        lit += noisy[:, None, None] * generator.standard_normal(lit.shape, dtype=np.float32)
    changed: np.ndarray = np.clip(np.rint(lit), 0, 255).astype(np.uint8)
    for index in np.flatnonzero(happens[:, 4] < config.blur):
        changed[index] = cv2.GaussianBlur(changed[index], (3, 3), 0)
    for index in np.flatnonzero(happens[:, 5] < config.coarse):
        changed[index] = _coarsen(changed[index], generator)
    for index in np.flatnonzero(happens[:, 6] < config.occlude):
        _hide(changed[index], generator)
    return changed


def _move(
    image: np.ndarray, config: AugmentConfig, draw: np.ndarray, mirrored: float
) -> np.ndarray:
    """Turn, zoom, shear, shift and perhaps mirror one image; its edge goes on outwards."""
    height, width = image.shape
    angle = np.deg2rad(config.rotate_deg * draw[0])
    zoom_x = np.exp(config.zoom * draw[1])
    zoom_y = zoom_x * np.exp(config.stretch * draw[2])
    cosine, sine, shear = np.cos(angle), np.sin(angle), config.shear * draw[3]
    matrix = np.array([[cosine, -sine], [sine, cosine]]) @ np.array([[zoom_x, shear], [0, zoom_y]])
    if mirrored < config.mirror:
        matrix = matrix @ np.diag([-1.0, 1.0])
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    move = config.shift * draw[4:6] * (width, height)
    return np.asarray(
        cv2.warpAffine(
            image,
            np.column_stack([matrix, centre - matrix @ centre + move]),
            (width, height),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
    )


def _light(
    images: np.ndarray, config: AugmentConfig, draws: np.ndarray, happens: np.ndarray
) -> np.ndarray:
    """Change light and tone of float32 (n, h, w); draws (n, 6), happens (n, 2)."""
    draws = draws.astype(np.float32)[:, :, None, None]
    _, height, width = images.shape
    if config.lit:
        across = np.linspace(-1, 1, width, dtype=np.float32)[None, None]
        down = np.linspace(-1, 1, height, dtype=np.float32)[None, :, None]
        slope = config.lighting * (happens[:, 0] < config.lit).astype(np.float32)[:, None, None]
        images = images * (1 + slope * (draws[:, 0] * across + draws[:, 1] * down))
    if config.gamma:
        images = 255 * (np.clip(images, 0, 255) / 255) ** np.exp(config.gamma * draws[:, 2])
    mean = images.mean(axis=(1, 2), keepdims=True)
    gain, offset = np.exp(config.contrast * draws[:, 3]), 255 * config.brightness * draws[:, 4]
    images = (images - mean) * gain + mean + offset
    swapped = (happens[:, 1] < config.invert)[:, None, None]
    return np.asarray(np.where(swapped, 255 - images, images), dtype=np.float32)


def _coarsen(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    height, width = image.shape
    share = generator.uniform(_LEAST_PIXELS / max(height, width), 0.9)
    small = (max(1, round(width * share)), max(1, round(height * share)))
    shrunk = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_LINEAR))


def _hide(image: np.ndarray, generator: np.random.Generator) -> None:
    """Fill a rectangle of a tenth to a third of each side with one gray level, in place."""
    height, width = image.shape
    tall = round(height * generator.uniform(0.1, 0.33))
    wide = round(width * generator.uniform(0.1, 0.33))
    top, left = generator.integers(0, height - tall + 1), generator.integers(0, width - wide + 1)
    image[top : top + tall, left : left + wide] = generator.integers(0, 256)
