"""What landmarks do not tell of a letter, by construction: fists, hidden thumbs, contacts, variants.

Trackers under-bend folded fingers and guess hidden thumbs. So folded fingers are bent further, and where
a letter has the thumb touch something, the thumb is made to reach it, in every image for that image's own
fingers. Everything here is Assumed: chosen by how the letters are described and look, not measured.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from host.data.hands.skeleton import ABD, DIP, FLEX, PIP, THUMB

INDEX, MIDDLE, RING, PINKY = range(4)
# A place: joints whose mean it starts from, then an offset (X, Y, N) in the palm frame, then the weight.
_Place = tuple[tuple[int, ...], tuple[float, float, float], float]
_FREE: _Place = ((3,), (0.0, 0.0, 0.0), 0.0)


@dataclasses.dataclass(frozen=True)
class LetterRule:
    """How one letter is mended and varied.

    Attributes:
        folded: Fingers bent into the palm.
        fold: Degrees added to their MCP and PIP joints.
        draped: Fingers laid over the thumb; DRAPE is added to their joints.
        is_tight: A fist: folded and draped fingers are bent at least as far as _TIGHT says.
        fan: Degrees that middle, ring and little finger spread more, at most.
        tip: What the thumb's tip touches.
        ip: What the thumb's last joint lies on.
        turn: Spread (standard deviation, degrees) of roll, yaw, tilt.
        both_senses: Signers point to either side: half of the images are mirrored.
    """

    folded: tuple[int, ...] = ()
    fold: tuple[float, float] = (16.0, 14.0)
    draped: tuple[int, ...] = ()
    fan: tuple[float, float, float] = (0.0, 0.0, 0.0)
    tip: _Place = _FREE
    ip: _Place = _FREE
    turn: tuple[float, float, float] = (8.0, 12.0, 9.0)
    both_senses: bool = False
    is_tight: bool = False


_OVER_INDEX: _Place = ((6, 7), (0.04, 0.0, 0.19), 0.7)
_OVER_MIDDLE: _Place = ((10, 11), (0.0, 0.0, 0.18), 1.0)
_OVER_RING: _Place = ((14, 15), (0.02, 0.0, 0.17), 1.0)
_LOW_THREE = (MIDDLE, RING, PINKY)
_LOW_TWO = (RING, PINKY)
_FIST = (9.0, 13.0, 13.0)  # trackers see fists too much alike
_LOOSE = (12.0, 20.0, 12.0)

RULES: dict[str, LetterRule] = {
    "A": LetterRule((0, 1, 2, 3), tip=((5,), (0.20, 0.22, 0.22), 1.0), turn=_FIST, is_tight=True),
    "B": LetterRule(tip=((9,), (-0.05, -0.18, 0.22), 0.7)),
    "C": LetterRule(turn=(9.0, 16.0, 9.0)),
    "D": LetterRule(tip=((12,), (0.08, 0.0, 0.06), 0.8), turn=(8.0, 22.0, 10.0)),
    "E": LetterRule(
        fold=(0.0, 0.0),
        tip=((12, 16), (0.0, -0.15, 0.02), 1.0),
        ip=((8,), (0.05, -0.18, 0.04), 0.7),
        turn=_FIST,
    ),
    "F": LetterRule(
        (INDEX,), (0.0, 12.0), tip=((8,), (0.05, -0.07, 0.0), 0.8), fan=(4.0, -7.0, -16.0)
    ),
    "G": LetterRule(_LOW_THREE, turn=_LOOSE, both_senses=True),
    "H": LetterRule(
        _LOW_TWO, tip=((14, 15), (0.02, 0.0, 0.17), 0.6), turn=_LOOSE, both_senses=True
    ),
    "I": LetterRule((0, 1, 2), tip=_OVER_MIDDLE, ip=_OVER_INDEX),
    "K": LetterRule(_LOW_TWO, tip=((9, 10), (0.04, 0.0, 0.16), 0.8)),
    "L": LetterRule(_LOW_THREE),
    "M": LetterRule(
        (PINKY,),
        draped=(INDEX, MIDDLE, RING),
        tip=((14, 15, 18, 19), (0.0, 0.03, 0.06), 1.0),
        ip=((10, 11), (0.0, 0.0, -0.22), 0.4),
        turn=_FIST,
    ),
    "N": LetterRule(
        _LOW_TWO,
        draped=(INDEX, MIDDLE),
        tip=((10, 11, 14, 15), (0.0, 0.06, 0.07), 1.0),
        ip=((6, 7), (0.02, 0.0, -0.22), 0.4),
        turn=_FIST,
        is_tight=True,
    ),
    "O": LetterRule(tip=((8, 12), (0.03, -0.06, 0.05), 0.7), turn=(9.0, 16.0, 9.0)),
    "P": LetterRule(
        _LOW_TWO, tip=((9, 10), (0.04, 0.0, 0.16), 0.6), turn=(34.0, 20.0, 14.0), both_senses=True
    ),
    "Q": LetterRule(_LOW_THREE, turn=_LOOSE, both_senses=True),
    "R": LetterRule(_LOW_TWO, tip=_OVER_RING),
    "S": LetterRule((0, 1, 2, 3), tip=_OVER_MIDDLE, ip=_OVER_INDEX, turn=_FIST, is_tight=True),
    "T": LetterRule(
        _LOW_THREE,
        draped=(INDEX,),
        tip=((6, 10), (-0.03, 0.12, 0.02), 1.0),  # comes out between the two
        ip=((5, 9), (0.04, 0.0, 0.22), 0.3),
        turn=_FIST,
        is_tight=True,
    ),
    "U": LetterRule(_LOW_TWO, tip=_OVER_RING),
    "V": LetterRule(_LOW_TWO, tip=_OVER_RING),
    "W": LetterRule((PINKY,), tip=((18, 19), (0.03, 0.0, 0.15), 1.0)),
    "X": LetterRule(_LOW_THREE, (45.0, 20.0), tip=((10, 11), (0.05, 0.0, 0.18), 0.8)),
    "Y": LetterRule((0, 1, 2)),
}
STATIC = tuple(RULES)


@dataclasses.dataclass(frozen=True)
class Variant:
    """Another way to sign a letter.

    Attributes:
        share: Of the letter's images.
        poses_of: The letter whose poses it starts from.
        angles: Joint angles that differ: index in skeleton.ANGLE_NAMES to mean and largest deviation,
            degrees.
        turn: Mean and largest deviation of roll, yaw, tilt, degrees.
        is_thumb_free: The thumb touches nothing.
        is_textbook: What charts of the alphabet show.
    """

    share: float
    poses_of: str
    angles: dict[int, tuple[float, float]]
    turn: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    is_thumb_free: bool = False
    is_textbook: bool = False


VARIANTS: dict[str, Variant] = {
    # Pointing aside, the back of the hand to the camera.
    "G": Variant(
        0.4,
        "G",
        {FLEX: (18, 16), PIP: (4, 6), THUMB: (4, 10), THUMB + 1: (16, 10), THUMB + 3: (24, 12)},
        ((78, 18), (150, 35), (0, 14)),
    ),
    # Palm down, pointing aside and a little up, the thumb's side to the camera, middle finger down.
    "P": Variant(
        0.6,
        "K",
        {4 * MIDDLE + FLEX: (62, 28)},
        ((0, 20), (-85, 30), (70, 25)),
        is_textbook=True,
    ),
    # The same with index finger and thumb down.
    "Q": Variant(
        0.4,
        "G",
        {FLEX: (20, 20), PIP: (6, 8), THUMB: (8, 12), THUMB + 1: (35, 12)},
        ((0, 20), (-85, 30), (118, 25)),
        is_textbook=True,
    ),
    # The T of Sign Language MNIST: as its G, and the thumb up.
    "T": Variant(
        0.35,
        "G",
        {
            FLEX: (10, 12),
            ABD: (0, 4),
            PIP: (6, 8),
            DIP: (4, 6),
            4 * MIDDLE + FLEX: (55, 30),
            4 * RING + FLEX: (55, 30),
            4 * PINKY + FLEX: (55, 30),
            THUMB: (62, 20),
            THUMB + 1: (10, 12),
            THUMB + 2: (-30, 15),
            THUMB + 3: (5, 8),
            THUMB + 4: (0, 8),
        },
        ((80, 20), (150, 40), (0, 14)),
        is_thumb_free=True,
    ),
}

_FOLDED_LIMITS = (94.0, 110.0)
_DIP_OF_PIP = 0.55
_TIGHT = {"folded": (78.0, 96.0), "draped": (70.0, 82.0)}  # least MCP and PIP of a fist
DRAPE = (0.0, 26.0)
# Signers lean the middle finger of K to the front, some of them far; degrees.
K_LEANS, K_LEANS_TEXTBOOK = (21.0, 60.0), (27.0, 38.0)
_HOOK = (62.0, 45.0)  # least PIP and DIP of the index finger of X


def mend(letter: str, angles: np.ndarray) -> np.ndarray:
    """Return a pose's angles with the letter's folded fingers bent as a hand bends them.

    Args:
        letter: Of RULES.
        angles: float64 (21,), degrees.
    """
    rule = RULES[letter]
    mended = angles.copy()
    for finger in rule.folded:
        first = 4 * finger
        mended[first + FLEX] = min(mended[first + FLEX] + rule.fold[0], _FOLDED_LIMITS[0])
        mended[first + PIP] = min(mended[first + PIP] + rule.fold[1], _FOLDED_LIMITS[1])
        if rule.is_tight:
            _tighten(mended, finger, *_TIGHT["folded"])
        mended[first + DIP] = max(mended[first + DIP], _DIP_OF_PIP * mended[first + PIP])
    for finger in rule.draped:
        mended[4 * finger + FLEX] += DRAPE[0]
        mended[4 * finger + PIP] = min(mended[4 * finger + PIP] + DRAPE[1], _FOLDED_LIMITS[1])
        if rule.is_tight:
            _tighten(mended, finger, *_TIGHT["draped"])
    if letter == "X":
        mended[PIP] = max(mended[PIP], _HOOK[0])
        mended[DIP] = max(mended[DIP], _HOOK[1])
    return mended


def _tighten(angles: np.ndarray, finger: int, flex: float, pip: float) -> None:
    angles[4 * finger + FLEX] = max(angles[4 * finger + FLEX], flex)
    angles[4 * finger + PIP] = max(angles[4 * finger + PIP], pip)


def goals_of(letter: str, joints: np.ndarray) -> np.ndarray | None:
    """Return where the thumb's tip and last joint shall be; None if the letter leaves the thumb free.

    Args:
        letter: Of RULES.
        joints: float64 (21, 3), palm frame, fingers placed.

    Returns:
        float64 (2, 4): place and weight, of tip and IP joint.
    """
    rule = RULES[letter]
    if rule.tip[2] == 0:
        return None
    goals = np.zeros((2, 4))
    for row, (touched, offset, weight) in enumerate((rule.tip, rule.ip)):
        goals[row, :3] = joints[list(touched)].mean(axis=0) + offset
        goals[row, 3] = weight
    return goals
