from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from host.data.augment import AugmentConfig, augment

NOTHING = AugmentConfig(0, 0, 0, 0, 0, 0, 0)


class _Draws:
    """A generator whose draws are all one number."""

    def __init__(self, value: float) -> None:
        self._value = value

    def uniform(self, low: float, high: float, size: tuple[int, ...]) -> np.ndarray:
        assert (low, high) == (-1.0, 1.0)
        return np.full(size, self._value)


def _images(count: int = 4) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, 28, 28)).astype(np.uint8)


def _changed(value: float, **amounts: float) -> np.ndarray:
    config = dataclasses.replace(NOTHING, **amounts)
    image = np.full((1, 9, 9), 100, np.uint8)
    image[0, 4, 4] = 200
    return augment(image, config, _Draws(value))[0]  # type: ignore[arg-type]


def test_nothing_changes_nothing() -> None:
    images = _images()
    np.testing.assert_array_equal(augment(images, NOTHING, np.random.default_rng(3)), images)


def test_same_generator_same_images() -> None:
    images, config = _images(), AugmentConfig()
    first = augment(images, config, np.random.default_rng(3))
    assert first.dtype == np.uint8 and first.shape == images.shape
    np.testing.assert_array_equal(first, augment(images, config, np.random.default_rng(3)))
    assert (first != augment(images, config, np.random.default_rng(4))).any()


def test_the_source_is_not_changed() -> None:
    images = _images()
    before = images.copy()
    augment(images, AugmentConfig(), np.random.default_rng(3))
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("config", [NOTHING, AugmentConfig()], ids=["nothing", "default"])
def test_nine_draws_an_image_whatever_the_config(config: AugmentConfig) -> None:
    generator, twin = np.random.default_rng(5), np.random.default_rng(5)
    augment(_images(3), config, generator)
    twin.uniform(-1, 1, 27)
    assert generator.random() == twin.random()


def test_images_of_a_batch_do_not_depend_on_each_other() -> None:
    images = _images(3)
    whole = augment(images, AugmentConfig(), np.random.default_rng(6))
    first = augment(images[:1], AugmentConfig(), np.random.default_rng(6))
    np.testing.assert_array_equal(whole[0], first[0])


@pytest.mark.parametrize(("value", "level"), [(1.0, 151), (-1.0, 49)], ids=["brighter", "darker"])
def test_brightness_is_a_share_of_255(value: float, level: int) -> None:
    assert _changed(value, brightness=0.2)[0, 0] == level  # 100 +- 51


def test_brightness_saturates_both_ways() -> None:
    assert _changed(1.0, brightness=0.9)[4, 4] == 255
    assert _changed(-1.0, brightness=0.9)[0, 0] == 0


def test_contrast_turns_about_the_mean() -> None:
    # mean 101.23: 101.23 + 1.5 * (100 - 101.23) = 99.4, and 101.23 + 1.5 * 98.77 = 249.4
    stronger = _changed(1.0, contrast=0.5)
    assert (stronger[0, 0], stronger[4, 4]) == (99, 249)


@pytest.mark.parametrize("value", [1.0, -1.0])
def test_shift_moves_by_a_share_of_the_side(value: float) -> None:
    moved = _changed(value, shift=2 / 9)
    at = int(4 + 2 * value)
    assert moved[at, at] == 200
    assert (moved == 200).sum() == 1


def test_rotation_keeps_the_centre() -> None:
    assert _changed(1.0, rotate_deg=90)[4, 4] == 200


def test_blur_hits_its_share_of_the_images() -> None:
    config = dataclasses.replace(NOTHING, blur_share=0.25)
    images = _images(400)
    blurred = (augment(images, config, np.random.default_rng(7)) != images).any(axis=(1, 2))
    assert 70 <= blurred.sum() <= 130
    # 3x3 binomial: the middle of a peak keeps a quarter of it
    assert _changed(1.0, blur_share=0.25)[4, 4] == 125
