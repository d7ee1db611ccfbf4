"""Crops of rendered hands for a data set: square, gray or coloured, with what cameras do to them."""

from __future__ import annotations

import dataclasses

import numpy as np

from host.data.hands.backgrounds import make_background
from host.data.hands.colours import to_bytes
from host.data.hands.hand import composite, draw
from host.data.hands.scene import Variety, draw_look, draw_posture, place_hand, reached
from host.data.hands.signer import Signer
from target.opencv import cv2

POOL = 384  # backgrounds that a data set shares
_POOL_SIDE = 96


@dataclasses.dataclass(frozen=True)
class CropConfig:
    """How crops are made.

    Attributes:
        size: Side of the result, pixels.
        detail: Pixels drawn for each pixel of the result, along a side.
        tightest: Smallest side of the crop, of the hand's own.
        loosest: Largest.
        shift: Largest move off the centre, of the crop's side.
        wear: Share of the crops that are blurred; noise and JPEG go with it.
        variety: Of the postures.
    """

    size: int = 28
    detail: int = 2
    tightest: float = 0.97
    loosest: float = 1.5
    shift: float = 0.08
    wear: float = 0.15
    variety: Variety = dataclasses.field(default_factory=Variety)


class Crops:
    """Draws crops; each is a function of (seed, index, letter, signer) alone.

    Args:
        config: How.
        seed: Of backgrounds and images.
    """

    def __init__(self, config: CropConfig, seed: int) -> None:
        self._config = config
        self._seed = seed
        generator = np.random.default_rng([seed, 2])
        self._pool = [make_background(generator, _POOL_SIDE, _POOL_SIDE) for _ in range(POOL)]

    def colour(self, index: int, letter: str, signer: Signer) -> np.ndarray:
        """Return one crop, uint8 (size, size, 3), blue green red."""
        config = self._config
        generator = np.random.default_rng([self._seed, 3, index])
        posture = draw_posture(letter, signer, config.variety, generator)
        near, far = np.log(config.variety.nearest), np.log(config.variety.farthest)
        distance = float(np.exp(generator.uniform(near, far)))
        view = (distance, float(generator.normal(0.6, 0.8)), posture.mirrored)
        angles = reached(posture, signer)
        placed = place_hand(angles, posture.turn, posture.wrist, signer, view)
        left, top, right, bottom = placed.box()
        slack = (config.loosest - config.tightest) * generator.random() ** 1.5
        side = max(right - left, bottom - top) * (config.tightest + slack)
        drawn_side = config.size * config.detail
        unit = drawn_side / side
        move = generator.uniform(-config.shift, config.shift, size=2) * drawn_side
        origin = (
            drawn_side / 2 - unit * (left + right) / 2 + move[0],
            drawn_side / 2 - unit * (top + bottom) / 2 + move[1],
        )
        picture = self._background(generator, drawn_side)
        drawn = draw(placed, draw_look(signer, generator), origin, unit, (drawn_side, drawn_side))
        composite(drawn, picture)
        return _camera(to_bytes(picture), config.size, config.wear, generator)

    def gray(self, index: int, letter: str, signer: Signer) -> np.ndarray:
        """Return one crop, uint8 (size, size)."""
        return np.asarray(cv2.cvtColor(self.colour(index, letter, signer), cv2.COLOR_BGR2GRAY))

    def _background(self, generator: np.random.Generator, side: int) -> np.ndarray:
        """Return a random part of a random background, brighter or darker."""
        whole = self._pool[int(generator.integers(POOL))]
        take = int(generator.uniform(0.45, 1.0) * _POOL_SIDE)
        x, y = (int(v) for v in generator.integers(0, _POOL_SIDE - take + 1, size=2))
        part = whole[y : y + take, x : x + take]
        if generator.random() < 0.5:
            part = part[:, ::-1]
        sized = cv2.resize(part, (side, side), interpolation=cv2.INTER_LINEAR)
        return np.asarray(sized * np.float32(np.exp(generator.uniform(-0.6, 0.5))))


def _camera(
    picture: np.ndarray, size: int, wear: float, generator: np.random.Generator
) -> np.ndarray:
    """Shrink, and to a share of the pictures do what cameras do: blur, noise, the artefacts of JPEG."""
    small = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    kinds = generator.random(3)
    amounts = generator.random(3)
    if kinds[0] < wear:
        small = cv2.GaussianBlur(small, (0, 0), float(0.3 + 0.5 * amounts[0]) * size / 28)
    if kinds[1] < 1.5 * wear:
        grain = generator.normal(0, 5.0 * amounts[1], size=small.shape[:2])[:, :, None]
        small = np.clip(small + grain, 0, 255).astype(np.uint8)
    if kinds[2] < 0.7 * wear:
        quality = int(25 + 60 * amounts[2])
        _, coded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])
        small = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    return np.asarray(small)
