from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from host.data.hands.hand import Drawn, Look, Placed, composite, draw, rotation_of
from host.data.hands.letters import STATIC
from host.data.hands.scene import Variety, draw_look, draw_posture, place_hand, reached
from host.data.hands.signer import Signer, make_signer

SIDE = 160


def _placed(letter: str, seed: int, distance: float = 9.0) -> tuple[Signer, Placed]:
    signer = dataclasses.replace(make_signer(seed, left=False), cuff=None)
    posture = draw_posture(letter, signer, Variety(mirrored_sense=0), np.random.default_rng(seed))
    view = (distance, 0.5, posture.mirrored)
    return signer, place_hand(reached(posture, signer), posture.turn, posture.wrist, signer, view)


def _look(signer: Signer, **changes: object) -> Look:
    look = draw_look(signer, np.random.default_rng(4))
    return dataclasses.replace(look, **{"cast": 0.0, **changes})  # type: ignore[arg-type]


def _draw(placed: Placed, look: Look, unit: float = 40.0) -> Drawn:
    return draw(placed, look, (SIDE / 2, SIDE / 2), unit, (SIDE, SIDE))


def _full(drawn: Drawn, values: np.ndarray) -> np.ndarray:
    full = np.zeros((SIDE, SIDE, *values.shape[2:]), dtype=values.dtype)
    height, width = values.shape[:2]
    full[drawn.top : drawn.top + height, drawn.left : drawn.left + width] = values
    return full


@pytest.mark.parametrize("letter", STATIC)
def test_the_box_holds_the_hand_and_no_more(letter: str) -> None:
    for seed in range(3):
        signer, placed = _placed(letter, seed)
        bare = dataclasses.replace(placed, points=placed.points.copy(), sizes=placed.sizes.copy())
        for elbow, wrist in ((23, 21), (24, 22), (39, 38)):  # no forearm
            bare.points[elbow], bare.sizes[elbow] = bare.points[wrist], bare.sizes[wrist]
        drawn = _draw(bare, _look(signer), 30.0)
        mask = _full(drawn, drawn.mask)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        box = [SIDE / 2 + 30 * edge for edge in placed.box()]
        edges = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        np.testing.assert_allclose(edges, box, atol=2.5)  # pixels


def test_a_mirrored_hand_is_the_mirror_image() -> None:
    signer = dataclasses.replace(make_signer(5), cuff=None, ring=-1)
    posture = draw_posture("L", signer, Variety(), np.random.default_rng(0))
    angles = reached(posture, signer)
    light = np.array([0.0, -0.5, 0.8660254])
    masks = []
    for mirrored in (False, True):
        view = (8.0, 0.3, mirrored)
        placed = place_hand(angles, posture.turn, posture.wrist, signer, view)
        drawn = _draw(placed, _look(signer, light=light))
        masks.append((_full(drawn, drawn.mask), _full(drawn, drawn.colour)))
    np.testing.assert_array_equal(masks[0][0][:, ::-1], masks[1][0])
    inside = masks[1][0] > 0
    difference = np.abs(masks[0][1][:, ::-1] - masks[1][1])[inside]
    assert np.median(difference) < 1e-3


def test_what_is_nearer_is_larger() -> None:
    _, near = _placed("B", 1, distance=3.5)
    _, far = _placed("B", 1, distance=50.0)
    toward = near.points[:21, 2] > 0.15
    assert toward.any()
    assert (near.sizes[:21][toward] > far.sizes[:21][toward]).all()


def test_light_from_the_left_lights_the_left() -> None:
    signer, placed = _placed("S", 2)
    left, right = (
        _draw(placed, _look(signer, light=np.array([x, 0.0, 0.5]) / np.hypot(x, 0.5), shadow=0.0))
        for x in (-1.0, 1.0)
    )
    columns = np.argwhere(left.mask > 0)[:, 1]
    middle = int(np.median(columns))
    west = (left.mask > 0) & (np.arange(left.mask.shape[1]) < middle)
    east = (left.mask > 0) & (np.arange(left.mask.shape[1]) >= middle)
    assert left.colour[west].mean() > right.colour[west].mean()
    assert left.colour[east].mean() < right.colour[east].mean()


def test_shadows_and_creases_only_darken() -> None:
    signer, placed = _placed("E", 3)
    bright = _draw(placed, _look(signer, shadow=0.0, crease=0.0)).colour
    for change in ({"shadow": 0.9, "crease": 0.0}, {"shadow": 0.0, "crease": 0.6}):
        dark = _draw(placed, _look(signer, **change)).colour
        assert (dark <= bright + 1e-5).all()
        assert (dark < bright - 0.01).any(axis=2).sum() > 100


def test_a_hand_outside_the_picture_leaves_it_as_it_is() -> None:
    signer, placed = _placed("V", 1)
    picture = np.full((SIDE, SIDE, 3), 0.5, dtype=np.float32)
    drawn = draw(placed, _look(signer), (SIDE / 2, 5.0 * SIDE), 40.0, (SIDE, SIDE))
    composite(drawn, picture)
    assert (picture == 0.5).all()


def test_the_wall_gets_a_shadow_beside_the_hand() -> None:
    signer, placed = _placed("Y", 4)
    light = np.array([-0.6, -0.3, 0.74])
    look = _look(signer, cast=0.7, depth=1.0, light=light / np.linalg.norm(light))
    drawn = _draw(placed, look)
    picture = np.full((SIDE, SIDE, 3), 0.5, dtype=np.float32)
    composite(drawn, picture)
    mask = _full(drawn, drawn.mask) > 0
    darkened = (picture[:, :, 0] < 0.45) & ~mask
    assert darkened.sum() > 200
    assert np.argwhere(darkened)[:, 1].mean() > np.argwhere(mask)[:, 1].mean()


def test_rotations_turn_as_they_say() -> None:
    np.testing.assert_allclose(rotation_of(90, 0, 0) @ (0, 1, 0), (1, 0, 0), atol=1e-12)
    np.testing.assert_allclose(rotation_of(0, 90, 0) @ (0, 0, 1), (1, 0, 0), atol=1e-12)
    np.testing.assert_allclose(rotation_of(0, 0, 90) @ (0, 1, 0), (0, 0, 1), atol=1e-12)
