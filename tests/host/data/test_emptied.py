from __future__ import annotations

import numpy as np
import pytest

from host.data.emptied import take_hands_out
from host.data.samples import Samples
from target.text.labels import NOTHING


def _photos(photos: np.ndarray | None = None, masked: int = 12) -> Samples:
    """Twelve photos: four takes of a dark hand before each of three sloping walls, in three letters."""
    generator = np.random.default_rng(1)
    across = np.linspace(-1, 1, 28)
    images, masks, labels = [], [], []
    for index in range(12):
        wall = 170 + 30 * (index // 4 - 1) * across + np.zeros((28, 28))
        hand = np.zeros((28, 28), bool)
        hand[8:20, 4 + 4 * (index // 4) : 14 + 4 * (index // 4)] = True
        image = np.where(hand, 60, wall) + generator.normal(0, 1, (28, 28))
        images.append(np.clip(image, 0, 255).astype(np.uint8))
        masks.append(np.where(hand & (index < masked), 255, 0).astype(np.uint8))
        labels.append(index // 4)
    return Samples(
        np.stack(images),
        np.array(labels, np.uint8),
        "walls",
        "0",
        signers=np.zeros(12, np.int64),
        photos=photos,
        masks=np.stack(masks),
    )


def test_the_wall_goes_on_where_the_hand_was() -> None:
    photos = _photos()
    empty = take_hands_out(photos, 100)
    assert len(empty) == 12 and (empty.labels == NOTHING).all()
    assert empty.signers is None and empty.masks is None
    for index, image in enumerate(empty.images):
        wall = 170 + 30 * (index // 4 - 1) * np.linspace(-1, 1, 28) + np.zeros((28, 28))
        apart = np.abs(image.astype(float) - wall)
        assert apart.max() < 20 and np.median(apart) < 3  # the hand was 110 away
    assert (photos.images[:, 10, 12] < 70).all()  # what was given is as it was


@pytest.mark.parametrize("photos", [None, np.full(12, -1), np.arange(12) // 4 + 7])
def test_takes_of_one_photo_stay_together(photos: np.ndarray | None) -> None:
    """Without their hands near-copies are near-copies still: a split must know them."""
    empty = take_hands_out(_photos(photos), 100)
    assert np.unique(empty.known("photos")).size == 3
    assert all(np.unique(empty.known("photos")[i : i + 4]).size == 1 for i in (0, 4, 8))


@pytest.mark.parametrize(("masked", "most", "count"), [(12, 5, 5), (3, 5, 3), (0, 5, 0)])
def test_photos_without_a_mask_are_left_out(masked: int, most: int, count: int) -> None:
    assert len(take_hands_out(_photos(masked=masked), most)) == count
