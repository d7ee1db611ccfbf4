from __future__ import annotations

import math

import numpy as np
import pytest

from target.vision.treatment import NO_TREATMENT, NORMALIZE, Treatment, treat, treatment_of


def _image(low: int, high: int) -> np.ndarray:
    return np.random.default_rng(low).integers(low, high, (28, 28)).astype(np.uint8)


def test_nothing_to_do_does_nothing() -> None:
    image = _image(0, 256)
    assert treat(image, NO_TREATMENT) is image


@pytest.mark.parametrize(("low", "high"), [(0, 60), (90, 160), (200, 256)])
def test_normalized_images_have_one_mean_and_one_deviation(low: int, high: int) -> None:
    treated = treat(_image(low, high), NORMALIZE)
    assert treated.dtype == np.uint8
    assert treated.mean() == pytest.approx(128, abs=0.6)
    assert treated.std() == pytest.approx(48, abs=0.6)


def test_it_is_the_formula_of_the_docstring() -> None:
    image = _image(40, 200)
    real = 128 + 48 * (image - image.mean()) / image.std()
    np.testing.assert_array_equal(treat(image, NORMALIZE), np.clip(np.rint(real), 0, 255))


def test_light_and_contrast_do_not_matter() -> None:
    image = _image(60, 120)
    brighter = (image.astype(int) * 2 + 10).astype(np.uint8)
    np.testing.assert_array_equal(treat(image, NORMALIZE), treat(brighter, NORMALIZE))


def test_an_even_image_stays_even() -> None:
    assert (treat(np.full((28, 28), 77, np.uint8), NORMALIZE) == 128).all()
    noisy = np.full((28, 28), 77, np.uint8)
    noisy[::2] += 1  # deviation 0.5: amplified as if it were 8
    assert treat(noisy, NORMALIZE).std() == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize("treatment", [NO_TREATMENT, NORMALIZE, Treatment("normalize", 100, 30, 4)])
def test_a_manifest_gives_back_the_treatment(treatment: Treatment) -> None:
    assert treatment_of(treatment.describe()) == treatment
    assert treatment_of(None) == NO_TREATMENT


@pytest.mark.parametrize("level", range(256))
def test_sums_are_exact_at_every_level(level: int) -> None:
    """An even image, and one that differs in a pixel: no root of less than nothing, no level off by one."""
    even = np.full((28, 28), level, np.uint8)
    assert (treat(even, NORMALIZE) == 128).all()
    odd = even.copy()
    odd[3, 4] = level ^ 1
    wide = odd.astype(np.int64)
    count, total, squares = wide.size, int(wide.sum()), int((wide * wide).sum())
    deviation = math.sqrt(count * squares - total * total) / count
    gain = 48.0 / max(deviation, 8.0)
    expected = np.rint(128 + gain * (count * wide - total) / count)
    assert (treat(odd, NORMALIZE) == expected).all()
