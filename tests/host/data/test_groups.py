from __future__ import annotations

import itertools

import numpy as np
import pytest

from host.data.groups import SAME_PHOTO_CORRELATION, photo_groups


def _photos(count: int, seed: int = 1) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.integers(60, 180, (count, 6, 6)).astype(np.uint8)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.reshape(-1), b.reshape(-1))[0, 1])


def test_brighter_and_stronger_variants_are_one_photo() -> None:
    a, b = _photos(2)
    images = np.stack([a, b, a + 30, (b * 1.3).astype(np.uint8), a - 20])
    assert photo_groups(images, np.zeros(5, np.uint8)).tolist() == [0, 1, 0, 1, 0]


def test_different_letters_are_never_grouped() -> None:
    a = _photos(1)[0]
    groups = photo_groups(np.stack([a, a, a]), np.array([3, 5, 3]))
    assert groups.tolist() == [0, 1, 0]


def test_photos_are_joined_through_a_chain() -> None:
    # a and d are further apart than the limit, but each is near the next one
    generator = np.random.default_rng(4)
    start, end = generator.uniform(0, 200, (2, 20, 20))
    steps = [start * (1 - t) + end * t for t in np.linspace(0, 0.3, 6)]
    chain = np.stack(steps).round().astype(np.uint8)
    assert _correlation(chain[0], chain[-1]) < SAME_PHOTO_CORRELATION
    assert all(_correlation(a, b) > SAME_PHOTO_CORRELATION for a, b in itertools.pairwise(chain))
    order = np.array([3, 0, 5, 1, 4, 2])
    assert photo_groups(chain[order], np.zeros(6)).tolist() == [0] * 6


def test_flat_images_do_not_divide_by_zero() -> None:
    images = np.stack([np.full((4, 4), 7), np.full((4, 4), 7), np.full((4, 4), 9)]).astype(np.uint8)
    groups = photo_groups(images, np.zeros(3))
    assert sorted(set(groups.tolist())) == list(range(groups.max() + 1))


@pytest.mark.parametrize("seed", range(3))
def test_groups_are_the_connected_components(seed: int) -> None:
    generator = np.random.default_rng(seed)
    base = _photos(4, seed)[generator.integers(0, 4, 30)].astype(float)
    images = np.clip(base + generator.normal(0, 4, base.shape), 0, 255).astype(np.uint8)
    labels = generator.integers(0, 2, 30)
    groups = photo_groups(images, labels)
    assert groups.dtype == np.int64
    # the plain way: flood fill over all pairs
    expected = np.full(30, -1)
    for label in (0, 1):
        for row in np.flatnonzero(labels == label):
            if expected[row] >= 0:
                continue
            number = expected.max() + 1
            waiting = [row]
            while waiting:
                at = waiting.pop()
                expected[at] = number
                for other in np.flatnonzero((labels == label) & (expected < 0)):
                    if _correlation(images[at], images[other]) > SAME_PHOTO_CORRELATION:
                        waiting.append(other)
    assert groups.tolist() == expected.tolist()
