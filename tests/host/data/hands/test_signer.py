from __future__ import annotations

import dataclasses

import numpy as np

from host.data.hands.signer import LEFT_SHARE, make_signer


def test_a_signer_is_a_function_of_the_seed() -> None:
    one, again, other = make_signer(7), make_signer(7), make_signer(8)
    for field in dataclasses.fields(one):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(again, field.name))
    assert not np.array_equal(one.bones, other.bones)


def test_people_differ_as_people_do() -> None:
    people = [make_signer(seed) for seed in range(400)]
    brightness = np.array([person.back.mean() for person in people])
    assert brightness.min() < 0.03 and brightness.max() > 0.55  # very dark to very fair
    thickness = np.array([person.radii.mean() for person in people])
    assert 0.08 < thickness.std() / thickness.mean() < 0.2
    assert 0.3 < np.mean([person.cuff is not None for person in people]) < 0.6
    assert 0.05 < np.mean([person.ring >= 0 for person in people]) < 0.25
    assert abs(np.mean([person.left for person in people]) - LEFT_SHARE) < 0.06
    for person in people:
        assert (person.bones > 0.1).all() and (person.radii > 0.03).all()
        assert person.back.min() >= 0 and max(person.front.max(), person.back.max()) <= 1.0
    dark = [person for person in people if person.back.mean() < 0.1]
    assert all(person.front.mean() > 1.1 * person.back.mean() for person in dark)


def test_handedness_can_be_asked_for_and_changes_nothing_else() -> None:
    left, right = make_signer(3, left=True), make_signer(3, left=False)
    assert left.left and not right.left
    np.testing.assert_array_equal(left.bones, right.bones)
    np.testing.assert_array_equal(left.habit, right.habit)
