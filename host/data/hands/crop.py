"""Crops of rendered hands for a data set: square, gray or coloured, with what cameras do to them."""

from __future__ import annotations

import dataclasses

import numpy as np

from host.data.hands.backgrounds import make_background
from host.data.hands.colours import to_bytes
from host.data.hands.hand import Placed, composite, draw
from host.data.hands.letters import STATIC
from host.data.hands.scene import Variety, draw_look, draw_posture, place_hand, reached
from host.data.hands.signer import Signer
from host.data.hands.skeleton import ABD, ANGLES, FLEX, THUMB
from target.opencv import cv2

POOL = 384  # backgrounds that a data set shares
_POOL_SIDE = 96
# Pictures without a letter: of each kind so many, the rest are empty.
_PARTLY, _IDLE = 0.3, 0.4
_FAINT = 0.6  # of the empty ones, with little contrast: what a large frame is when it is shrunk
_MOST_SEEN = 0.25  # of the hand's box, where it is partly in the picture
_RELAXED_DEG, _OPEN_DEG = 28.0, 6.0  # bend of every joint


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
    tightest: float = 0.85
    loosest: float = 1.7
    shift: float = 0.18
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
        view = self._view(generator, posture.mirrored)
        placed = place_hand(reached(posture, signer), posture.turn, posture.wrist, signer, view)
        side, centre = self._frame(placed, generator)
        return self._take(placed, signer, (side, centre), generator)

    def nothing(self, index: int, signer: Signer) -> np.ndarray:
        """Return a crop that shows no letter, uint8 (size, size, 3), blue green red.

        A background alone, a hand that is mostly outside, or an idle one: half open, or flat with the
        fingers spread.
        """
        generator = np.random.default_rng([self._seed, 4, index])
        kind = generator.random()
        if kind >= _PARTLY + _IDLE:
            picture = self._background(generator, self._config.size * self._config.detail)
            if generator.random() < _FAINT:
                mean = picture.mean(axis=(0, 1))
                picture = mean + np.float32(generator.uniform(0.02, 0.5)) * (picture - mean)
                grain = generator.normal(0, generator.uniform(0, 0.02), picture.shape[:2])
                picture = np.clip(picture + grain[:, :, None].astype(np.float32), 0, 1)
            return _camera(to_bytes(picture), self._config.size, self._config.wear, generator)
        letter = STATIC[int(generator.integers(len(STATIC)))]
        posture = draw_posture(letter, signer, self._config.variety, generator)
        angles = reached(posture, signer) if kind < _PARTLY / 2 else _idle(generator)
        view = self._view(generator, posture.mirrored)
        placed = place_hand(angles, posture.turn, posture.wrist, signer, view)
        side, centre = self._frame(placed, generator)
        if kind < _PARTLY:
            centre = _mostly_outside(placed, side, centre, generator)
        return self._take(placed, signer, (side, centre), generator)

    def _view(self, generator: np.random.Generator, mirrored: bool) -> tuple[float, float, bool]:
        near, far = np.log(self._config.variety.nearest), np.log(self._config.variety.farthest)
        distance = float(np.exp(generator.uniform(near, far)))
        return distance, float(generator.normal(0.6, 0.8)), mirrored

    def _frame(
        self, placed: Placed, generator: np.random.Generator
    ) -> tuple[float, tuple[float, float]]:
        """Return side and centre of a crop about a hand, units."""
        config = self._config
        left, top, right, bottom = placed.box()
        slack = (config.loosest - config.tightest) * generator.random() ** 1.5
        side = max(right - left, bottom - top) * (config.tightest + slack)
        move = generator.uniform(-config.shift, config.shift, size=2) * side
        return side, ((left + right) / 2 - float(move[0]), (top + bottom) / 2 - float(move[1]))

    def _take(
        self,
        placed: Placed,
        signer: Signer,
        frame: tuple[float, tuple[float, float]],
        generator: np.random.Generator,
    ) -> np.ndarray:
        """Draw a hand before a background and take its picture; frame is side and centre, units."""
        config, (side, centre) = self._config, frame
        drawn_side = config.size * config.detail
        unit = drawn_side / side
        origin = drawn_side / 2 - unit * centre[0], drawn_side / 2 - unit * centre[1]
        picture = self._background(generator, drawn_side)
        drawn = draw(placed, draw_look(signer, generator), origin, unit, (drawn_side, drawn_side))
        composite(drawn, picture)
        return _camera(to_bytes(picture), config.size, config.wear, generator)

    def gray(self, index: int, letter: str | None, signer: Signer) -> np.ndarray:
        """Return one crop, uint8 (size, size); one that shows no letter for None."""
        colour = self.colour(index, letter, signer) if letter else self.nothing(index, signer)
        return np.asarray(cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY))

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


def _idle(generator: np.random.Generator) -> np.ndarray:
    """Return joint angles of a hand that signs nothing, float64 (21,), radians."""
    relaxed = generator.random() < 0.5
    bend = (_RELAXED_DEG if relaxed else _OPEN_DEG) + generator.uniform(-6, 10)
    angles = bend + generator.normal(0, 4, size=ANGLES)
    spread = 0.0 if relaxed else generator.uniform(4, 14)
    for finger, share in enumerate((1.0, 0.3, -0.4, -1.0)):
        angles[4 * finger + ABD] = spread * share
        angles[4 * finger + FLEX] *= generator.uniform(0.5, 1.0)
    angles[THUMB:] = (35.0, 15.0, -45.0, 15.0, 15.0)
    return np.asarray(np.radians(angles))


def _mostly_outside(
    placed: Placed, side: float, centre: tuple[float, float], generator: np.random.Generator
) -> tuple[float, float]:
    """Return the centre of a crop that the hand reaches into from the left, the right or below."""
    left, top, right, bottom = placed.box()
    seen = generator.uniform(-0.2, _MOST_SEEN)
    edge = int(generator.integers(3))
    if edge == 0:
        return right - seen * (right - left) + side / 2, centre[1]
    if edge == 1:
        return left + seen * (right - left) - side / 2, centre[1]
    return centre[0], top + seen * (bottom - top) - side / 2


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
