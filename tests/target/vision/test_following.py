"""Following the hand: its way over any background, and a region that goes to it by itself."""

from __future__ import annotations

import numpy as np
import pytest

from target.opencv import cv2
from target.vision.find_hand import HandFinder
from target.vision.region import Region
from target.vision.tracker import HandTracker

SKIN = (110, 140, 200)  # blue, green, red


def _scene(seed: int, height: int = 240, width: int = 320) -> np.ndarray:
    """A still room: smooth blotches without the colour of skin."""
    coarse = np.random.default_rng(seed).integers(60, 200, (9, 12)).astype(np.uint8)
    gray = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.dstack([gray, gray, (gray * 0.6).astype(np.uint8)])


def _with_hand(scene: np.ndarray, x: float, y: float, size: int = 60) -> np.ndarray:
    """Put a hand with fingers and shades at a place."""
    drawn = scene.copy()
    centre = round(x), round(y)
    cv2.circle(drawn, centre, size // 2, SKIN, -1, cv2.LINE_AA)
    for finger in range(4):
        left = round(x) - size // 2 + finger * size // 4
        cv2.rectangle(drawn, (left, round(y) - size), (left + size // 6, round(y)), SKIN, -1)
        cv2.line(drawn, (left, round(y) - size), (left, round(y)), (60, 80, 120), 2)
    return drawn


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("way", [(3.0, 0.0), (0.0, -2.5), (2.0, 2.0), (-4.0, 1.0)])
def test_the_way_of_a_hand_over_a_still_room(seed: int, way: tuple[float, float]) -> None:
    scene, tracker = _scene(seed, 240, 240), HandTracker()
    place = (0.0, 0.0)
    for step in range(20):
        x, y = 120 + way[0] * (step - 10), 130 + way[1] * (step - 10)
        place = tracker(_with_hand(scene, x, y))
    wanted = np.array(way) * 19 / 240
    assert np.hypot(*(np.array(place) - wanted)) < 0.35 * np.hypot(*wanted)


@pytest.mark.parametrize("side", [90, 167, 168, 301, 476])
def test_the_way_is_the_same_however_large_the_crop_is(side: int) -> None:
    """Shrunk by 1, 1, 2, 3 and 4; 301 is no multiple of 3."""
    tracker, place = HandTracker(), (0.0, 0.0)
    scene = _scene(2, side, side)
    for step in range(20):
        x = side * (0.5 + 0.01 * (step - 10))
        place = tracker(_with_hand(scene, x, 0.55 * side, side // 4))
    assert place == pytest.approx((0.19, 0.0), abs=0.06)


def test_noise_and_a_still_picture_are_no_way() -> None:
    scene, chance, tracker = _scene(1, 240, 240), np.random.default_rng(3), HandTracker()
    for _ in range(60):
        noise = chance.normal(0, 2.5, scene.shape)
        place = tracker(np.clip(_with_hand(scene, 120, 130) + noise, 0, 255).astype(np.uint8))
    assert np.hypot(*place) < 0.02


def test_a_new_region_is_no_way() -> None:
    tracker = HandTracker()
    tracker(_with_hand(_scene(1, 240, 240), 60, 120))
    tracker.forget()
    assert tracker(_with_hand(_scene(1, 240, 240), 180, 120)) == (0.0, 0.0)


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 2), (28, 28), (500, 500, 3)])
def test_any_crop_can_be_followed(shape: tuple[int, ...]) -> None:
    tracker = HandTracker()
    chance = np.random.default_rng(5)
    for _ in range(3):
        tracker(chance.integers(0, 255, shape).astype(np.uint8))


@pytest.mark.parametrize("seed", range(3))
def test_the_region_goes_to_the_hand_and_follows_it(seed: int) -> None:
    scene, finder, region = _scene(seed), HandFinder(), Region()
    for step in range(40):
        x = 90 + 3 * step
        region = finder(_with_hand(scene, x, 150, 50), region)
    assert region.x == pytest.approx(x / 320, abs=0.08)
    assert region.y == pytest.approx(130 / 240, abs=0.15)
    assert 0.2 < region.side < 0.7


def test_a_resting_face_is_not_the_hand() -> None:
    scene = _scene(2)
    cv2.ellipse(scene, (60, 70), (28, 36), 0, 0, 360, SKIN, -1)
    finder, region = HandFinder(), Region()
    for step in range(40):
        region = finder(_with_hand(scene, 220 + 8 * np.sin(step), 160, 44), region)
    assert region.x > 0.55


@pytest.mark.parametrize("picture", ["nobody", "gray", "tiny", "thread"])
def test_without_a_hand_the_region_stays(picture: str) -> None:
    shown = {
        "nobody": _scene(1),
        "gray": np.zeros((240, 320), np.uint8),
        "tiny": np.zeros((2, 3, 3), np.uint8),
        "thread": np.zeros((60_000, 1, 3), np.uint8),  # enlarged to 96 it would take gigabytes
    }[picture]
    finder, region = HandFinder(), Region(0.3, 0.4, 0.5)
    for _ in range(3):
        assert finder(shown, region) == region
