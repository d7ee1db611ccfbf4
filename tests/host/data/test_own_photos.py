from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from host.data.groups import photo_groups
from host.data.own_photos import SAME_FILM_CORRELATION, group_photos, split_own_photos
from host.data.samples import Samples
from target.errors import DataError


def _films(groups_of: dict[int, int], frames: int = 6) -> Samples:
    """Films of noise patterns: frames of one film nearly alike, films unlike."""
    generator = np.random.default_rng(4)
    images, labels = [], []
    for label, groups in groups_of.items():
        for film in generator.integers(40, 200, (groups, 12, 12)):
            for _ in range(frames):
                images.append(np.clip(film + generator.normal(0, 6, film.shape), 0, 255))
                labels.append(label)
    order = generator.permutation(len(labels))
    return Samples(
        np.array(images)[order].astype(np.uint8), np.array(labels, np.uint8)[order], "films", "0"
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("per_letter", [3, 8, 20])
def test_no_group_stands_on_both_sides(seed: int, per_letter: int) -> None:
    samples = _films({0: 5, 1: 4, 10: 2})
    groups = photo_groups(samples.images, samples.labels, SAME_FILM_CORRELATION)
    assert len(np.unique(groups)) == 11
    split = split_own_photos(samples, per_letter, seed)
    assert not set(groups[split.train]) & set(groups[split.held_out])
    assert split.groups == {"A": 5, "B": 4, "K": 2} and split.unjudged == []
    for label in (0, 1, 10):
        trained = int((samples.labels[split.train] == label).sum())
        assert 0 < trained <= per_letter
        assert (samples.labels[split.held_out] == label).any()
    assert (samples.labels[split.train] == 0).sum() == min(per_letter, 24)


def test_a_letter_of_one_group_is_trained_on_and_named() -> None:
    samples = _films({0: 1, 1: 3})
    split = split_own_photos(samples, 4, seed=1)
    assert split.unjudged == ["A"]
    assert set(samples.labels[split.held_out]) == {1}
    assert (samples.labels[split.train] == 0).sum() == 4


def test_draws_differ_and_repeat() -> None:
    samples = _films({0: 6, 1: 6})
    first, again = (split_own_photos(samples, 6, 1).train.tolist() for _ in range(2))
    assert first == again
    assert first != split_own_photos(samples, 6, 2).train.tolist()


def test_without_a_second_group_there_is_nothing_to_judge() -> None:
    with pytest.raises(DataError, match="two groups that do not look alike .* in films; take them"):
        split_own_photos(_films({0: 1, 1: 1}), 4, 1)


def test_photos_of_one_film_or_of_one_source_photo_stay_together() -> None:
    samples = _films({0: 6}, frames=2)
    groups = photo_groups(samples.images, samples.labels, SAME_FILM_CORRELATION)
    film = np.where(
        groups < 3, 7, groups + 100
    )  # the first three do not look alike, but are one film
    joined = group_photos(samples, film)
    assert len(np.unique(groups)) == 6 and len(np.unique(joined)) == 4
    assert len(np.unique(joined[film == 7])) == 1
    source = np.where(groups > 3, 1, -1)
    both = group_photos(dataclasses.replace(samples, photos=source), film)
    assert len(np.unique(both)) == 3
    split = split_own_photos(dataclasses.replace(samples, photos=source), 4, 1, film)
    assert not set(both[split.train]) & set(both[split.held_out])
