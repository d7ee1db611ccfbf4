"""A person: proportions, thickness, skin, sleeve, ring, which hand, and habits; a function of a seed."""

from __future__ import annotations

import dataclasses

import numpy as np

from host.data.hands.colours import linear, mix
from host.data.hands.skeleton import ABD, ANGLES, BONES, RADII, TEMPLATE, THUMB

FIRST_HELD_OUT = 10_000  # signers from this seed on are never trained on
LEFT_SHARE = 0.1  # Assumed: of people
# The Monk Skin Tone scale's ten tones, lightest first (Ellis Monk, skintone.google).
_TONES = [
    linear(tone)
    for tone in (
        "f6ede4", "f3e7db", "f7ead0", "eadaba", "d7bd96", "a07e56", "825c43", "604134", "3a312a", "292420",
    )
]  # fmt: skip
_PALM = linear("e0ab92")
_NAIL = linear("e8bfae")
_BLOOD = linear("c9705c")
_HABIT_DEG = 4.0
_TURN_HABIT_DEG = 4.0
ABD_SHARE = 0.25  # fingers vary less sideways than they bend


@dataclasses.dataclass(frozen=True)
class Signer:
    """What does not change from image to image; all shares and strengths 0-1.

    Attributes:
        seed: Of every draw.
        base: float64 (5, 3), thumb CMC and knuckles in the palm frame.
        bones: float64 (5, 3), lengths.
        radii: float64 (21,), of the flesh.
        width: Of the wrist, relative.
        back: Skin of the back of the hand, linear blue green red; the others likewise.
        front: Of the palm.
        nail: Of the nails.
        cloth: Of the sleeve.
        metal: Of the ring.
        cuff: Where the sleeve ends below the wrist, units; None for a bare forearm.
        ring: Finger that wears one, 0-3, or -1.
        left: Signs with the left hand.
        crease: How deep creases are.
        sheen: Of the skin.
        through: How much light goes through it.
        habit: float64 (21,), degrees, added to the angles of every pose.
        turn: float64 (3,), degrees, added to every turn of the palm.
    """

    seed: int
    base: np.ndarray
    bones: np.ndarray
    radii: np.ndarray
    width: float
    back: np.ndarray
    front: np.ndarray
    nail: np.ndarray
    cloth: np.ndarray
    metal: np.ndarray
    cuff: float | None
    ring: int
    left: bool
    crease: float
    sheen: float
    through: float
    habit: np.ndarray
    turn: np.ndarray


def make_signer(seed: int, left: bool | None = None) -> Signer:
    """Return the signer of a seed.

    Args:
        seed: 0 or more.
        left: Which hand; drawn if None.
    """
    draw = np.random.default_rng([seed, 1])
    long = draw.normal(1.0, 0.05)
    bones = (
        BONES * long * draw.normal(1.0, 0.035, size=(5, 1)) * draw.normal(1.0, 0.025, size=(5, 3))
    )
    width = float(np.clip(draw.normal(1.0, 0.07), 0.82, 1.22))
    base = TEMPLATE * np.array([width, 1.0, 1.0]) * draw.normal(1.0, 0.02, size=(5, 3))
    thick = float(np.clip(draw.normal(1.0, 0.11), 0.75, 1.35)) * width**0.5
    radii = RADII * thick * draw.normal(1.0, 0.03, size=21)
    radii[[4, 8, 12, 16, 20]] *= draw.uniform(0.85, 1.1)
    back, front, nail = _skin(draw)
    sleeved = draw.random() < 0.45
    habit = draw.normal(0.0, _HABIT_DEG, size=ANGLES)
    habit[ABD:THUMB:4] *= ABD_SHARE
    return Signer(
        seed=seed,
        base=base,
        bones=bones,
        radii=radii,
        width=width,
        back=back,
        front=front,
        nail=nail,
        cloth=draw.uniform(0.0, 1.0, size=3) ** 2.2 * draw.uniform(0.1, 1.0),
        metal=mix(linear("d4b04c"), linear("c8ccd2"), draw.random()),
        cuff=float(draw.uniform(0.05, 1.2)) if sleeved else None,
        ring=int(draw.integers(0, 4)) if draw.random() < 0.15 else -1,
        left=bool(draw.random() < LEFT_SHARE) if left is None else left,
        crease=float(draw.uniform(0.15, 0.55)),
        sheen=float(draw.uniform(0.0, 0.15)),
        through=float(draw.uniform(0.1, 0.45)),
        habit=habit,
        turn=draw.normal(0.0, _TURN_HABIT_DEG, size=3),
    )


def _skin(draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return back, front and nail; palms and nails of dark hands are much lighter than their backs."""
    place = draw.uniform(0, len(_TONES) - 1)
    below = min(int(place), len(_TONES) - 2)
    tone = mix(_TONES[below], _TONES[below + 1], place - below)
    back = mix(tone, tone * _BLOOD / _BLOOD.max(), draw.uniform(0.05, 0.35))
    dark = place / (len(_TONES) - 1)
    toward = (0.08 + 0.32 * dark) * draw.uniform(0.6, 1.2)
    front = back ** (1 - toward) * _PALM**toward  # between them as the eye sees it
    nail = mix(front, _NAIL, draw.uniform(0.1, 0.45))
    return back, front, nail
