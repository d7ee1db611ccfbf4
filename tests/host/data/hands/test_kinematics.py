from __future__ import annotations

import numpy as np
import pytest

from host.data.hands.kinematics import place_fingers, place_thumb, reach
from host.data.hands.letters import RULES, STATIC, goals_of
from host.data.hands.poses import load_poses
from host.data.hands.scene import LIMITS_RAD, Variety, draw_posture, reached
from host.data.hands.signer import make_signer
from host.data.hands.skeleton import ANGLES, BONES, JOINTS, TEMPLATE, THUMB
from target.text.labels import STATIC_LETTERS


def _joints(degrees: np.ndarray) -> np.ndarray:
    joints = np.zeros((JOINTS, 3))
    angles = np.radians(degrees)
    place_fingers(angles, TEMPLATE, BONES, joints)
    place_thumb(angles[THUMB:], TEMPLATE, BONES, joints)
    return joints


def test_a_straight_finger_lies_along_the_palm() -> None:
    joints = _joints(np.zeros(ANGLES))
    np.testing.assert_allclose(joints[12], TEMPLATE[2] + (0, BONES[2].sum(), 0), atol=1e-12)


def test_a_finger_bent_by_right_angles_comes_back() -> None:
    degrees = np.zeros(ANGLES)
    degrees[4:8] = (90, 0, 90, 90)  # out of the palm, back toward the wrist, into the palm
    joints = _joints(degrees)
    expected = TEMPLATE[2] + (0, -BONES[2, 1], BONES[2, 0] - BONES[2, 2])
    np.testing.assert_allclose(joints[12], expected, atol=1e-12)


def test_abduction_moves_a_finger_toward_the_thumb() -> None:
    degrees = np.zeros(ANGLES)
    degrees[1] = 30
    joints = _joints(degrees)
    assert joints[8, 0] - joints[5, 0] == pytest.approx(BONES[1].sum() * 0.5)


def test_bones_keep_their_lengths_in_any_pose() -> None:
    generator = np.random.default_rng(1)
    for _ in range(50):
        joints = _joints(generator.uniform(-60, 100, ANGLES))
        for finger in range(5):
            chain = joints[1 + 4 * finger : 5 + 4 * finger]
            lengths = np.linalg.norm(np.diff(chain, axis=0), axis=1)
            np.testing.assert_allclose(lengths, BONES[finger], atol=1e-12)


def test_the_table_holds_every_still_letter_within_the_limits() -> None:
    poses = load_poses()
    assert "".join(sorted(poses)) == STATIC_LETTERS == "".join(STATIC)
    limits = np.degrees(LIMITS_RAD)
    for letter, held in poses.items():
        assert len(held) >= 5, letter
        for pose in held:
            assert pose.source in ("ASLNow", "borisgraudt", "SigNN", "Insitee")
            assert (pose.angles >= limits[:, 0] - 30).all(), (letter, pose)
            assert (pose.angles <= limits[:, 1] + 30).all(), (letter, pose)


@pytest.mark.parametrize("letter", [letter for letter in STATIC if RULES[letter].tip[2] > 0])
def test_the_thumb_reaches_what_its_letter_touches(letter: str) -> None:
    distances = []
    for seed in range(8):
        signer = make_signer(seed)
        posture = draw_posture(letter, signer, Variety(variants=0), np.random.default_rng(seed))
        angles = reached(posture, signer)
        assert (angles >= LIMITS_RAD[:, 0]).all() and (angles <= LIMITS_RAD[:, 1]).all()
        joints = np.zeros((JOINTS, 3))
        place_fingers(angles, signer.base, signer.bones, joints)
        place_thumb(angles[THUMB:], signer.base, signer.bones, joints)
        goals = goals_of(letter, joints)
        assert goals is not None
        distances.append(np.linalg.norm(joints[4] - goals[0, :3]))
    assert np.median(distances) < 0.15, distances  # a thumb is 0.17 thick


def test_reach_finds_a_place_the_thumb_can_have() -> None:
    signer = make_signer(3)
    angles = np.radians(np.full(ANGLES, 20.0))
    joints = np.zeros((JOINTS, 3))
    place_fingers(angles, signer.base, signer.bones, joints)
    wanted = np.radians((30.0, 30.0, -50.0, 30.0, 20.0))
    place_thumb(wanted, signer.base, signer.bones, joints)
    goals = np.zeros((2, 4))
    goals[0] = (*joints[4], 1.0)
    goals[1] = (*joints[3], 1.0)
    reach(angles, LIMITS_RAD, signer.base, signer.bones, joints, goals)
    np.testing.assert_allclose(joints[4], goals[0, :3], atol=0.02)
    np.testing.assert_allclose(joints[3], goals[1, :3], atol=0.02)
