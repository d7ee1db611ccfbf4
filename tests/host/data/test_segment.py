from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from host.data.background import replace_background
from host.data.samples import Samples
from host.data.segment import find_hand, with_masks
from target.errors import DataError


def _hand(level: int, wall: int, slope: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """A bright or dark blob with an arm that leaves the picture below, before a wall lit from one side."""
    truth = np.zeros((28, 28), bool)
    truth[9:20, 9:19] = True
    truth[3:9, 10:13] = True
    truth[20:, 12:17] = True
    across = np.linspace(-1, 1, 28)
    noise = np.random.default_rng(level).normal(0, 1.5, (28, 28))
    image = np.where(truth, level + 8 * across[:, None], wall + slope * across) + noise
    return np.clip(image, 0, 255).astype(np.uint8), truth


@pytest.mark.parametrize(
    ("level", "wall", "slope"), [(90, 200, 0), (210, 90, 0), (110, 180, 25), (190, 60, -20)]
)
def test_the_hand_is_found_before_an_even_wall(level: int, wall: int, slope: float) -> None:
    image, truth = _hand(level, wall, slope)
    found = find_hand(image) > 0
    overlap = (found & truth).sum() / (found | truth).sum()
    assert overlap > 0.85
    np.testing.assert_array_equal(found, find_hand(image) > 0)


@pytest.mark.parametrize(
    "image",
    [np.full((28, 28), 120, np.uint8), np.tile(np.arange(28, dtype=np.uint8), (28, 1))],
    ids=["even", "sloping"],
)
def test_a_bare_wall_has_no_hand(image: np.ndarray) -> None:
    assert not find_hand(image).any()


def test_a_hand_keeps_its_pixels_before_another_background() -> None:
    image, truth = _hand(100, 200)
    mask = np.where(truth, np.uint8(255), np.uint8(0))
    inside = np.s_[11:18, 11:17]
    changed = 0
    generator = np.random.default_rng(1)
    for _ in range(40):
        result = replace_background(image, mask, 255 - image, generator)
        assert result.dtype == np.uint8
        np.testing.assert_allclose(result[inside], image[inside], atol=1)
        changed += abs(float(result[:2].mean()) - 200) > 15
    assert changed > 25


def test_some_backgrounds_are_nearly_black() -> None:
    image, truth = _hand(100, 200)
    mask = np.where(truth, np.uint8(255), np.uint8(0))
    generator = np.random.default_rng(2)
    dark = [replace_background(image, mask, image, generator)[:2].mean() < 40 for _ in range(200)]
    assert 0.15 < np.mean(dark) < 0.5


def _samples(count: int = 6) -> Samples:
    images = np.stack([_hand(60 + 20 * i, 220)[0] for i in range(count)])
    return Samples(images, np.zeros(count, np.uint8), "walls", "0")


def test_masks_stand_beside_their_images_and_are_kept(tmp_path: Path) -> None:
    samples = _samples()
    masked = with_masks(samples, 3, tmp_path)
    assert masked.masks is not None
    assert masked.masks.any(axis=(1, 2)).nonzero()[0].tolist() == [0, 2, 5]
    np.testing.assert_array_equal(masked.masks[2], find_hand(samples.images[2]))
    np.testing.assert_array_equal(masked.take(np.array([5, 0])).masks[0], masked.masks[5])
    kept = list(tmp_path.iterdir())
    assert len(kept) == 1
    stamp = kept[0].stat().st_mtime_ns
    np.testing.assert_array_equal(with_masks(samples, 3, tmp_path).masks, masked.masks)
    assert kept[0].stat().st_mtime_ns == stamp
    kept[0].write_bytes(b"cut off")
    np.testing.assert_array_equal(with_masks(samples, 3, tmp_path).masks, masked.masks)


def test_masks_of_another_shape_are_refused() -> None:
    with pytest.raises(DataError, match="masks must be of the images' shape"):
        _samples().with_masks(np.zeros((6, 4, 4), np.uint8))
