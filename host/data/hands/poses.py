"""Poses of real signers: joint angles of 24 letters, and how the palm was turned to the camera.

poses.csv holds up to 18 poses a letter, whole degrees, as unmirrored right hands. They were fitted (a hand
of constant bone lengths, 27 parameters, z at a third of the weight) to published hand landmarks:

    ASLNow        MIT, (c) 2024 Sidney Trzepacz; several signers, 3-D
                  huggingface.co/datasets/sid220/asl-now-fingerspelling
    borisgraudt   CC0 1.0; one signer, 3-D; github.com/borisgraudt/asl-ai
    SigNN         Apache-2.0; up to eight signers, 2-D; github.com/AriAlavi/SigNN
    Insitee       Apache-2.0; one signer, 2-D; github.com/Insitee/ASL

For each letter and set: the medoid and poses far from each other among the inner three quarters; 33 whose
tracking had failed by eye were left out, and J and Z, which are movements; X begins with its 3-D poses.
The depth of the 2-D sets is a guess of the fit. What the landmarks do not tell is mended in letters.py and
marked Assumed there.
"""

from __future__ import annotations

import csv
import dataclasses
import functools
from pathlib import Path

import numpy as np

from host.data.hands.skeleton import ANGLE_NAMES

_TABLE = Path(__file__).with_name("poses.csv")


@dataclasses.dataclass(frozen=True)
class Pose:
    """A letter as one signer made it.

    Attributes:
        letter: A-Y without J.
        source: Name of the set.
        angles: float64 (21,), degrees, in the order of skeleton.ANGLE_NAMES.
        turn: float64 (3,): roll, yaw, tilt of the palm, degrees (hand.rotation_of).
    """

    letter: str
    source: str
    angles: np.ndarray
    turn: np.ndarray


@functools.cache
def load_poses() -> dict[str, list[Pose]]:
    """Return the poses of every letter, in the order of the table."""
    poses: dict[str, list[Pose]] = {}
    with _TABLE.open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            angles = np.array([float(row[name]) for name in ANGLE_NAMES])
            turn = np.array([float(row[name]) for name in ("roll", "yaw", "tilt")])
            pose = Pose(row["letter"], row["set"], angles, turn)
            poses.setdefault(pose.letter, []).append(pose)
    return poses
