from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from host.data.augment import NOTHING, augment
from host.training.config import AUGMENTATIONS


class _Draws:
    """A generator whose uniform draws are all one number, and for which everything happens or nothing."""

    def __init__(self, value: float, happens: bool = True) -> None:
        self._value = value
        self._chance = 0.0 if happens else 1.0

    def uniform(self, low: float, high: float, size: tuple[int, ...]) -> np.ndarray:
        assert (low, high) == (-1.0, 1.0)
        return np.full(size, self._value)

    def random(self, size: tuple[int, ...]) -> np.ndarray:
        return np.full(size, self._chance)


def _images(count: int = 4) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, 28, 28)).astype(np.uint8)


def _changed(value: float, **amounts: float) -> np.ndarray:
    config = dataclasses.replace(NOTHING, **amounts)
    image = np.full((1, 9, 9), 100, np.uint8)
    image[0, 4, 4] = 200
    return augment(image, config, _Draws(value))[0]  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [3, 4])
def test_nothing_changes_nothing(seed: int) -> None:
    images = _images()
    np.testing.assert_array_equal(augment(images, NOTHING, np.random.default_rng(seed)), images)


@pytest.mark.parametrize("name", sorted(name for name in AUGMENTATIONS if name != "none"))
def test_same_generator_same_images(name: str) -> None:
    images, config = _images(), AUGMENTATIONS[name]
    assert config is not None
    first = augment(images, config, np.random.default_rng(3))
    assert first.dtype == np.uint8 and first.shape == images.shape
    np.testing.assert_array_equal(first, augment(images, config, np.random.default_rng(3)))
    assert (first != augment(images, config, np.random.default_rng(4))).any()


def test_the_source_is_not_changed() -> None:
    images = _images()
    before = images.copy()
    config = AUGMENTATIONS["strong"]
    assert config is not None
    augment(images, config, np.random.default_rng(3))
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize(("value", "level"), [(1.0, 151), (-1.0, 49)], ids=["brighter", "darker"])
def test_brightness_is_a_share_of_255(value: float, level: int) -> None:
    assert _changed(value, brightness=0.2)[0, 0] == level  # 100 +- 51


def test_brightness_saturates_both_ways() -> None:
    assert _changed(1.0, brightness=0.9)[4, 4] == 255
    assert _changed(-1.0, brightness=0.9)[0, 0] == 0


def test_contrast_turns_about_the_mean() -> None:
    # mean 101.23: 101.23 + 1.5 * (100 - 101.23) = 99.4, and 101.23 + 1.5 * 98.77 = 249.4
    stronger = _changed(1.0, contrast=float(np.log(1.5)))
    assert (stronger[0, 0], stronger[4, 4]) == (99, 249)


def test_gamma_darkens_the_middle_and_keeps_the_ends() -> None:
    image = np.array([[[0, 100, 255]]], np.uint8).repeat(3, axis=1)
    config = dataclasses.replace(NOTHING, gamma=float(np.log(2)))
    darker = augment(image, config, _Draws(1.0))[0, 0]  # type: ignore[arg-type]
    assert darker.tolist() == [0, 39, 255]  # 255 * (100 / 255) ** 2 = 39.2


def test_lighting_falls_across_the_image() -> None:
    image = np.full((1, 5, 5), 100, np.uint8)
    config = dataclasses.replace(NOTHING, lighting=0.2, lit=1.0)
    lit = augment(image, config, _Draws(1.0))[0]  # type: ignore[arg-type]
    assert (lit[0, 0], lit[2, 2], lit[4, 4]) == (60, 100, 140)
    spared = augment(image, config, _Draws(1.0, happens=False))[0]  # type: ignore[arg-type]
    assert (spared == 100).all()


def test_inverting_swaps_bright_and_dark() -> None:
    images = _images(2)
    config = dataclasses.replace(NOTHING, invert=1.0)
    np.testing.assert_array_equal(augment(images, config, np.random.default_rng(1)), 255 - images)


def test_mirroring_swaps_left_and_right() -> None:
    images = _images(2)
    config = dataclasses.replace(NOTHING, mirror=1.0)
    mirrored = augment(images, config, np.random.default_rng(1))
    np.testing.assert_array_equal(mirrored, images[:, :, ::-1])


def test_noise_has_at_most_its_deviation() -> None:
    image = np.full((200, 28, 28), 128, np.uint8)
    config = dataclasses.replace(NOTHING, noise=10.0, noisy=0.5)
    noisy = augment(image, config, np.random.default_rng(2)).astype(float)
    deviations = noisy.std(axis=(1, 2))
    assert 60 <= (deviations > 0).sum() <= 140
    assert deviations.max() < 11 and deviations.max() > 8


@pytest.mark.parametrize("value", [1.0, -1.0])
def test_shift_moves_by_a_share_of_the_side(value: float) -> None:
    moved = _changed(value, shift=2 / 9)
    at = int(4 + 2 * value)
    assert moved[at, at] == 200
    assert (moved == 200).sum() == 1


def test_rotation_keeps_the_centre() -> None:
    assert _changed(1.0, rotate_deg=90)[4, 4] == 200


def _share_changed(images: np.ndarray, **amounts: float) -> float:
    config = dataclasses.replace(NOTHING, **amounts)
    changed = augment(images, config, np.random.default_rng(7))
    return float((changed != images).any(axis=(1, 2)).mean())


@pytest.mark.parametrize("name", ["blur", "coarse", "occlude", "invert", "mirror"])
def test_a_share_of_the_images_is_hit(name: str) -> None:
    assert _share_changed(_images(400), **{name: 0.25}) == pytest.approx(0.25, abs=0.07)


def test_blur_is_binomial() -> None:
    # 3x3 binomial: the middle of a peak keeps a quarter of it
    assert _changed(1.0, blur=0.25)[4, 4] == 125


def test_what_is_hidden_is_one_rectangle_of_one_level() -> None:
    images = np.tile(np.arange(28, dtype=np.uint8) * 9, (30, 28, 1))
    config = dataclasses.replace(NOTHING, occlude=1.0)
    for before, after in zip(images, augment(images, config, np.random.default_rng(5))):
        rows, columns = np.nonzero(before != after)
        inside = after[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        assert inside.shape[0] <= 9 and inside.shape[1] <= 9
        assert (
            inside == inside[0, 0]
        ).mean() > 0.85  # a hidden pixel may have had that level before
