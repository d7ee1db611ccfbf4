"""One image's draws: which pose, how the hand is held, where the camera and the light are."""

from __future__ import annotations

import dataclasses

import numpy as np

from host.data.hands import kinematics, shade
from host.data.hands.hand import Look, Placed, View, place, rotation_of
from host.data.hands.letters import (
    K_LEANS,
    K_LEANS_TEXTBOOK,
    MIDDLE,
    RULES,
    VARIANTS,
    goals_of,
    mend,
)
from host.data.hands.poses import load_poses
from host.data.hands.signer import ABD_SHARE, Signer
from host.data.hands.skeleton import ABD, ANGLES, FLEX, JOINTS, LIMITS, THUMB

LIMITS_RAD = np.radians(LIMITS)
# Assumed: trackers turn nearly every upright palm 15 to 25 degrees to the image right.
YAW_BIAS_DEG = 8.0
UPRIGHT = frozenset("ABDEFIKLMNRSTUVWXY")


@dataclasses.dataclass(frozen=True)
class Variety:
    """How far images differ from each other.

    Attributes:
        joint_deg: Standard deviation of every joint angle (a quarter of it sideways).
        turn: Factor on each letter's own spread of the palm's turn.
        between: Largest share of a second pose of the same letter and set.
        variants: Factor on the share of each letter's variant (letters.VARIANTS); None for textbook
            forms only, with less than half of their deviation.
        mirrored_sense: Share of mirrored images among letters that signers point to either side.
        typical: Share of images that start from the most typical pose of the letter's table.
        poses: How many poses of a letter's table are used, from its most typical one; None for all.
        nearest: Smallest distance of the camera, units; larger ones are drawn up to `farthest`.
        farthest: Largest.
    """

    joint_deg: float = 5.0
    turn: float = 1.0
    between: float = 0.5
    variants: float | None = 1.0
    mirrored_sense: float = 0.5
    typical: float = 0.25
    poses: int | None = None
    nearest: float = 6.0
    farthest: float = 25.0


# Somebody who signs clearly, as for somebody who learns to read: near the most typical pose of each letter.
CLEARLY = Variety(
    joint_deg=3.0,
    turn=0.5,
    between=0.0,
    variants=None,
    mirrored_sense=0.0,
    poses=1,
    nearest=7.0,
    farthest=13.0,
)


@dataclasses.dataclass(frozen=True)
class Posture:
    """How a hand is held: enough to place it, and to go from one to another.

    Attributes:
        letter: What it means.
        angles: float64 (21,), degrees, before the thumb reaches.
        turn: float64 (3,), roll, yaw, tilt, degrees.
        wrist: float64 (2,), flexion and deviation of the forearm, degrees.
        mirrored: Drawn as a mirror image.
        is_thumb_free: The thumb touches nothing, whatever the letter's rule.
    """

    letter: str
    angles: np.ndarray
    turn: np.ndarray
    wrist: np.ndarray
    mirrored: bool
    is_thumb_free: bool


def draw_posture(
    letter: str, signer: Signer, variety: Variety, generator: np.random.Generator
) -> Posture:
    """Return a posture of a letter.

    Args:
        letter: One of letters.STATIC.
        signer: Who signs.
        variety: How far it may be from the poses of the table.
        generator: Source of all draws.
    """
    rule, variant = RULES[letter], VARIANTS.get(letter)
    if variant is not None:
        chosen = generator.random() < (variety.variants or 0.0) * variant.share
        if not (variant.is_textbook if variety.variants is None else chosen):
            variant = None
    apart = 1.0 if variety.variants is not None else 0.4
    poses = load_poses()[variant.poses_of if variant else letter][: variety.poses]
    is_typical = generator.random() < variety.typical
    first = poses[0 if is_typical else int(generator.integers(len(poses)))]
    same = [pose for pose in poses if pose.source == first.source]
    second = same[int(generator.integers(len(same)))]
    share = variety.between * generator.random()
    angles = mend(letter, first.angles + share * (second.angles - first.angles))
    turn = first.turn.copy()
    if variant is not None:
        for index, (mean, most) in variant.angles.items():
            angles[index] = mean + apart * most * generator.uniform(-1, 1)
        turn = np.array(
            [mean + apart * most * generator.uniform(-1, 1) for mean, most in variant.turn]
        )
    if letter == "K":
        least, most = K_LEANS if variety.variants is not None else K_LEANS_TEXTBOOK
        angles[4 * MIDDLE + FLEX] += generator.uniform(least, most)
    fan = generator.random()
    for finger, most in zip((1, 2, 3), rule.fan):
        angles[4 * finger + ABD] += fan * most
    spread = np.full(ANGLES, float(variety.joint_deg))
    spread[ABD:THUMB:4] *= ABD_SHARE
    angles = angles + signer.habit + generator.normal(0, 1, size=ANGLES) * spread
    around = 0.5 if variant else 1.0  # a variant's turn is spread already
    turn = turn + signer.turn
    turn += generator.normal(0, around * variety.turn, size=3) * np.array(rule.turn)
    if letter in UPRIGHT and variant is None:
        turn[1] -= YAW_BIAS_DEG
    is_other_sense = (rule.both_senses or variant is not None) and (
        generator.random() < variety.mirrored_sense
    )
    return Posture(
        letter,
        angles,
        turn,
        _wrist(turn, generator),
        signer.left != is_other_sense,
        variant is not None and variant.is_thumb_free,
    )


def _wrist(turn: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return how the wrist bends, degrees: the elbow is below the hand, as far as a wrist lets it be.

    Assumed; limits of the wrist as in skeleton.py's source: 75 flexion, 70 extension, 35 and 20 sideways.
    """
    toward = np.array([generator.normal(0, 0.35), -1.0, generator.normal(-0.2, 0.3)])
    x, y, n = rotation_of(*turn).T @ (toward / np.linalg.norm(toward))
    bend = np.clip(np.degrees(np.arctan2(n, -y)), -70, 75)
    aside = np.clip(np.degrees(np.arcsin(x)), -20, 35)
    return generator.uniform(0.5, 1.0) * np.array([bend, aside]) + generator.normal(0, 6, size=2)


def reached(posture: Posture, signer: Signer) -> np.ndarray:
    """Return a posture's angles within the joints' limits, thumb in contact, float64 (21,), radians."""
    angles = np.radians(posture.angles)
    angles = np.asarray(np.clip(angles, LIMITS_RAD[:, 0], LIMITS_RAD[:, 1]))
    joints = np.zeros((JOINTS, 3))
    kinematics.place_fingers(angles, signer.base, signer.bones, joints)
    goals = None if posture.is_thumb_free else goals_of(posture.letter, joints)
    if goals is not None:
        kinematics.reach(angles, LIMITS_RAD, signer.base, signer.bones, joints, goals)
    return angles


def place_hand(
    angles: np.ndarray,
    turn: np.ndarray,
    wrist: np.ndarray,
    signer: Signer,
    view: tuple[float, float, bool],
) -> Placed:
    """Return a hand as a camera sees it.

    Args:
        angles: float64 (21,), radians, of `reached`.
        turn: float64 (3,), roll, yaw, tilt, degrees.
        wrist: float64 (2,), flexion and deviation of the forearm, degrees.
        signer: Whose it is.
        view: Distance of the camera, height of its axis over the wrist, both in units, and whether
            the picture is the mirror image.
    """
    joints = np.zeros((JOINTS, 3))
    kinematics.place_fingers(angles, signer.base, signer.bones, joints)
    kinematics.place_thumb(angles[16:], signer.base, signer.bones, joints)
    distance, height, mirrored = view
    camera = View(rotation_of(*turn), distance, height)
    forearm = np.radians(wrist)
    return place(joints, signer.radii, signer.width, forearm, signer.cuff, camera, mirrored)


def draw_look(signer: Signer, generator: np.random.Generator) -> Look:
    """Return colours and light of one image: direction, strength, colour, shadows, exposure."""
    direction = generator.normal(0, 1, size=3) * (1.0, 0.8, 0.5) + (0, -0.6, 0.75)
    direction[2] = max(direction[2], -0.3)
    direction /= np.linalg.norm(direction)
    warmth = generator.normal(0, 0.10)
    tint = np.array([1 - warmth, 1.0, 1 + warmth])
    ambient = generator.uniform(0.15, 0.75)
    exposure = np.exp(generator.uniform(-0.5, 0.5)) / np.sqrt(max(float(signer.back.mean()), 0.03))
    palette = np.empty((shade.PALETTE_ROWS, 3))
    palette[shade.BACK], palette[shade.FRONT] = signer.back, signer.front
    palette[shade.NAIL], palette[shade.CLOTH] = signer.nail, signer.cloth
    palette[shade.RING] = signer.metal
    palette[shade.KEY] = 0.62 * exposure * (1.15 - ambient) * tint
    palette[shade.AMBIENT] = 0.62 * exposure * ambient / tint
    return Look(
        palette,
        direction,
        shadow=float(generator.uniform(0.2, 0.95)),
        crease=signer.crease,
        sheen=signer.sheen,
        through=signer.through,
        ring=signer.ring,
        cast=float(generator.uniform(0.2, 0.8)) if generator.random() < 0.3 else 0.0,
        depth=float(generator.uniform(0.3, 1.5)),
    )
