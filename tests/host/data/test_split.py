from __future__ import annotations

import numpy as np
import pytest

from host.data.groups import photo_groups
from host.data.samples import Samples, join
from host.data.split import Split, count_leaked, split_by_photo, split_by_rule, split_tail
from target.errors import DataError


def _samples(photos: int = 5, variants: int = 4, labels: tuple[int, ...] = (0, 10)) -> Samples:
    generator = np.random.default_rng(0)
    images, names = [], []
    for label in labels:
        for photo in generator.integers(50, 180, (photos, 6, 6)):
            images += [photo + 5 * i for i in range(variants)]
            names += [label] * variants
    order = generator.permutation(len(names))
    return Samples(
        np.array(images, np.uint8)[order], np.array(names, np.uint8)[order], "here", "0" * 64
    )


def _check(split: Split, count: int) -> None:
    assert not set(split.train) & set(split.validation)
    assert sorted([*split.train, *split.validation]) == list(range(count))


def test_split_tail_takes_the_last_rows() -> None:
    split = split_tail(_samples(), 7)
    assert split.validation.tolist() == list(range(33, 40))
    _check(split, 40)


@pytest.mark.parametrize("count", [0, -1, 40, 41])
def test_split_tail_refuses(count: int) -> None:
    with pytest.raises(DataError, match=f"validation rows must be 1-39, got {count} in here"):
        split_tail(_samples(), count)


@pytest.mark.parametrize(("share", "photos"), [(0.2, 1), (0.4, 2), (0.01, 1)])
def test_split_by_photo_keeps_photos_whole(share: float, photos: int) -> None:
    samples = _samples()
    split = split_by_photo(samples, share, seed=3)
    _check(split, 40)
    groups = photo_groups(samples.images, samples.labels)
    assert not set(groups[split.train]) & set(groups[split.validation])
    for label in (0, 10):
        rows = split.validation[samples.labels[split.validation] == label]
        assert len(rows) == photos * 4


def test_split_by_photo_depends_on_the_seed_alone() -> None:
    first, again = split_by_photo(_samples(), 0.2, 1), split_by_photo(_samples(), 0.2, 1)
    np.testing.assert_array_equal(first.validation, again.validation)
    others = [split_by_photo(_samples(), 0.2, seed).validation.tolist() for seed in range(2, 8)]
    assert any(other != first.validation.tolist() for other in others)


def test_split_by_photo_needs_two_photos_a_letter() -> None:
    with pytest.raises(
        DataError, match="photos of label 0 must be at least 2 to split, got 1 in here"
    ):
        split_by_photo(_samples(photos=1), 0.5, 1)


def test_split_by_rule_takes_both_rules() -> None:
    samples = _samples()
    np.testing.assert_array_equal(
        split_by_rule(samples, "tail:5", 1).validation, split_tail(samples, 5).validation
    )
    np.testing.assert_array_equal(
        split_by_rule(samples, "photo:0.4", 2).validation,
        split_by_photo(samples, 0.4, 2).validation,
    )


@pytest.mark.parametrize(
    "rule", ["", "tail", "tail:x", "tail:1.5", "photo:1", "photo:0", "photo:nan", "x:1"]
)
def test_split_by_rule_refuses(rule: str) -> None:
    with pytest.raises(
        DataError,
        match=f"validation must be 'tail:N', 'photo:SHARE' or 'random:SHARE', got '{rule}'",
    ):
        split_by_rule(_samples(), rule, 1)


def test_split_by_rule_says_what_is_wrong_with_the_number() -> None:
    with pytest.raises(DataError, match="validation rows must be 1-39, got 40"):
        split_by_rule(_samples(), "tail:40", 1)


def _two_sets() -> Samples:
    """Ten images of five photos, and twelve of four signers, joined."""
    images = np.random.default_rng(3).integers(0, 256, (22, 28, 28)).astype(np.uint8)
    labels = np.zeros(22, np.uint8)
    photos = Samples(images[:10], labels[:10], "p", "1" * 64, photos=np.arange(10) // 2)
    people = Samples(images[10:], labels[10:], "s", "2" * 64, signers=np.arange(12) // 3)
    return join({"photos": photos, "people": people}, "both")


def test_of_each_joined_set_whole_photos_and_signers_are_held_back() -> None:
    samples = _two_sets()
    split = split_by_photo(samples, 0.4, seed=1)
    parts = samples.part_names()[split.validation]
    assert ((parts == "photos").sum(), (parts == "people").sum()) == (4, 6)
    for name in ("signers", "photos"):
        ids = samples.known(name)
        held, trained = set(ids[split.validation]) - {-1}, set(ids[split.train]) - {-1}
        assert held and not held & trained
    assert count_leaked(samples, split) == 0


def test_rendered_signers_are_the_same_people_in_every_set() -> None:
    images = np.random.default_rng(3).integers(0, 256, (90, 28, 28)).astype(np.uint8)
    labels = np.zeros(90, np.uint8)
    hands = Samples(images[:30], labels[:30], "h", "1" * 64, signers=np.arange(30) // 3)
    clear = Samples(images[30:], labels[30:], "c", "2" * 64, signers=np.arange(60) // 3)
    alone = split_by_photo(join({"hands": hands}, "one"), 0.3, seed=1)
    both = join({"hands": hands, "clear": clear}, "both")
    split = split_by_photo(both, 0.3, seed=1)
    _check(split, 90)
    signers = both.known("signers")
    held, trained = set(signers[split.validation]), set(signers[split.train])
    assert not held & trained and count_leaked(both, split) == 0
    # The set that comes later changes nothing in the one before, and keeps back its share of the others.
    assert [row for row in split.validation if row < 30] == alone.validation.tolist()
    assert len([one for one in held if one < 10]) == len([one for one in held if one >= 10]) == 3
    apart = np.concatenate([alone.train, np.arange(30, 90)])
    assert count_leaked(both, Split(apart, alone.validation)) == len(alone.validation)


def test_a_random_split_leaks_and_the_leak_is_counted() -> None:
    samples = _two_sets()
    split = split_by_rule(samples, "random:0.25", 1)
    assert len(split.validation) == 6 and len(np.intersect1d(split.train, split.validation)) == 0
    trained = {
        (part, photo, signer)
        for part, photo, signer in zip(
            samples.part_names()[split.train],
            samples.known("photos")[split.train],
            samples.known("signers")[split.train],
        )
    }
    leaked = sum(
        (samples.part_names()[row], samples.known("photos")[row], samples.known("signers")[row])
        in trained
        for row in split.validation
    )
    assert leaked > 0
    assert count_leaked(samples, split) == leaked
