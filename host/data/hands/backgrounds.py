"""What stands behind a hand: plain walls, gradients, textures, clutter, a face, darkness."""

from __future__ import annotations

import numpy as np

from host.data.hands.colours import from_bytes
from host.data.hands.signer import make_signer
from target.opencv import cv2

KINDS = ("wall", "gradient", "texture", "clutter", "room", "face", "dark")
_SHARES = (0.22, 0.20, 0.12, 0.16, 0.14, 0.08, 0.08)
CALM = ("wall", "gradient", "texture", "room")


def make_background(
    generator: np.random.Generator, height: int, width: int, kinds: tuple[str, ...] = KINDS
) -> np.ndarray:
    """Return a picture to stand behind a hand.

    Args:
        generator: Source of all draws.
        height: Pixels.
        width: Pixels.
        kinds: Of KINDS, to choose from.

    Returns:
        float32 (height, width, 3), linear, blue green red.
    """
    shares = np.array([_SHARES[KINDS.index(kind)] for kind in kinds])
    kind = kinds[int(generator.choice(len(kinds), p=shares / shares.sum()))]
    colour = _colour(generator)
    picture = np.empty((height, width, 3), dtype=np.float32)
    picture[:] = colour
    if kind == "dark":
        picture *= generator.uniform(0.0, 0.03)
        return picture
    if kind == "face":
        picture = from_bytes(_face(picture, generator))
    if kind == "clutter":
        picture = from_bytes(_clutter(picture, generator))
    if kind == "room":
        picture = from_bytes(_room(picture, generator))
    if kind == "texture":
        picture *= _noise(generator, height, width)[:, :, None]
    if kind != "wall" or generator.random() < 0.5:
        picture *= _gradient(generator, height, width)[:, :, None]
    return np.asarray(np.clip(picture, 0, 1), dtype=np.float32)


def _colour(generator: np.random.Generator) -> np.ndarray:
    gray = generator.uniform(0.03, 0.95) ** 1.5
    tint = generator.normal(1.0, 0.25 * generator.random(), size=3)
    return np.asarray(np.clip(gray * tint, 0.0, 1.0))


def _bytes(colour: np.ndarray) -> tuple[int, int, int]:
    blue, green, red = (int(255 * c ** (1 / 2.2)) for c in colour)
    return blue, green, red


def _gradient(generator: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Return factors that fall off along a direction, 0.3 to 1.3."""
    angle, depth = generator.uniform(0, 2 * np.pi), generator.uniform(0.1, 0.6)
    y, x = np.mgrid[0:height, 0:width] / max(height, width) - 0.5
    return np.asarray(1 + depth * (np.cos(angle) * x + np.sin(angle) * y), dtype=np.float32)


def _noise(generator: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Return factors of a rough surface: noise of several sizes, about 1."""
    total = np.ones((height, width), dtype=np.float32)
    for size in (3, 7, 17, 40):
        small = generator.normal(0, 1, size=(max(2, size), max(2, size * width // height)))
        wave = cv2.resize(small.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        total += 0.15 * generator.random() * wave
    return np.asarray(np.clip(total, 0.1, 2))


def _clutter(picture: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Lay things of many colours over each other: boxes, discs, sticks."""
    height, width = picture.shape[:2]
    drawn = np.asarray(255 * picture ** (1 / 2.2), dtype=np.uint8)
    for _ in range(int(generator.integers(5, 26))):
        colour = _bytes(_colour(generator))
        x, y = (int(v) for v in generator.uniform(0, (width, height)))
        w, h = (int(v) for v in generator.uniform(0.04, 0.5, size=2) * height)
        shape = generator.integers(0, 3)
        if shape == 0:
            box = cv2.boxPoints(((x, y), (w, h), float(generator.uniform(0, 180))))
            cv2.fillPoly(drawn, [box.astype(np.int32)], colour, cv2.LINE_AA)
        elif shape == 1:
            angle = float(generator.uniform(0, 180))
            cv2.ellipse(drawn, (x, y), (w // 2, h // 2), angle, 0, 360, colour, -1, cv2.LINE_AA)
        else:
            thick = max(1, int(0.03 * height * generator.random()))
            end = (x + 2 * w - height // 4, y + 2 * h - height // 4)
            cv2.line(drawn, (x, y), end, colour, thick, cv2.LINE_AA)
    return drawn


def _room(picture: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Draw a wall with what rooms have: an upright edge, a table, a window, a picture."""
    height, width = picture.shape[:2]
    drawn = np.asarray(255 * picture ** (1 / 2.2), dtype=np.uint8)
    if generator.random() < 0.7:
        x = int(generator.uniform(0.05, 0.95) * width)
        side = 0 if generator.random() < 0.5 else width
        cv2.rectangle(drawn, (x, 0), (side, height), _bytes(_colour(generator)), -1)
        cv2.line(drawn, (x, 0), (x, height), _bytes(_colour(generator)), max(1, width // 50))
    if generator.random() < 0.6:
        y = int(generator.uniform(0.6, 0.95) * height)
        cv2.rectangle(drawn, (0, y), (width, height), _bytes(_colour(generator)), -1)
    if generator.random() < 0.5:
        x, y = (int(v) for v in generator.uniform(-0.1, 0.7, size=2) * (width, height))
        w, h = (int(v) for v in generator.uniform(0.2, 0.5, size=2) * height)
        cv2.rectangle(drawn, (x, y), (x + w, y + h), _bytes(_colour(generator)), -1)
        cv2.rectangle(
            drawn, (x, y), (x + w, y + h), _bytes(_colour(generator)), max(1, height // 40)
        )
    return drawn


def _face(picture: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Draw a head with hair and shoulders: skin that is no hand."""
    height, width = picture.shape[:2]
    drawn = np.asarray(255 * picture ** (1 / 2.2), dtype=np.uint8)
    skin = make_signer(int(generator.integers(0, 10_000))).back * generator.uniform(0.4, 1.0)
    x, y = (int(v) for v in generator.uniform(0.05, 0.95, size=2) * (width, height))
    size = int(generator.uniform(0.15, 0.4) * height)
    shirt, hair = _bytes(_colour(generator)), _bytes(0.2 * _colour(generator))
    cv2.ellipse(drawn, (x, y + 3 * size), (2 * size, 2 * size), 0, 0, 360, shirt, -1, cv2.LINE_AA)
    cv2.ellipse(drawn, (x, y - size // 4), (size, size), 0, 0, 360, hair, -1, cv2.LINE_AA)
    cv2.ellipse(drawn, (x, y), (int(0.78 * size), size), 0, 0, 360, _bytes(skin), -1, cv2.LINE_AA)
    for side in (-1, 1):
        eye = (x + side * size // 3, y - size // 6)
        cv2.circle(drawn, eye, max(1, size // 9), (40, 40, 40), -1, cv2.LINE_AA)
    mouth = _bytes(0.6 * skin)
    cv2.ellipse(
        drawn,
        (x, y + size // 2),
        (size // 3, max(1, size // 12)),
        0,
        0,
        360,
        mouth,
        -1,
        cv2.LINE_AA,
    )
    return np.asarray(cv2.GaussianBlur(drawn, (0, 0), 0.3 + 0.02 * height * generator.random()))
