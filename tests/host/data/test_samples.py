from __future__ import annotations

import numpy as np
import pytest

from host.data.samples import Samples, join
from target.errors import DataError


def _samples() -> Samples:
    images = np.arange(4 * 6, dtype=np.uint8).reshape(4, 2, 3)
    return Samples(images, np.array([0, 1, 2, 3], np.uint8), "here", "ab")


@pytest.mark.parametrize(
    "rows", [np.array([3, 1]), np.array([False, True, False, True])], ids=["indices", "mask"]
)
def test_take_keeps_images_and_labels_together(rows: np.ndarray) -> None:
    taken = _samples().take(rows)
    assert len(taken) == 2
    for image, label in zip(taken.images, taken.labels):
        assert image[0, 0] == 6 * label
    assert (taken.source, taken.sha256) == ("here", "ab")


def test_take_follows_the_order_of_the_rows() -> None:
    assert _samples().take(np.array([3, 1])).labels.tolist() == [3, 1]


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (
            np.zeros((2, 4), np.uint8),
            np.zeros(2),
            r"images must be uint8 \(n, h, w\), got uint8 \(2, 4\)",
        ),
        (
            np.zeros((2, 4, 4)),
            np.zeros(2),
            r"images must be uint8 .*, got float64 \(2, 4, 4\) in here",
        ),
        (
            np.zeros((2, 4, 4), np.uint8),
            np.zeros(3),
            r"labels must be one per image \(2\), got \(3,\)",
        ),
    ],
    ids=["rank", "dtype", "count"],
)
def test_samples_refuse(images: np.ndarray, labels: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Samples(images, labels, "here", "ab")


def test_joined_sets_keep_who_signs_and_what_is_not_known() -> None:
    first = _samples()
    second = Samples(first.images, first.labels, "there", "cd", signers=np.array([5, 5, 6, 6]))
    both = join({"one": first, "two": second}, "both")
    assert both.known("signers").tolist() == [-1] * 4 + [5, 5, 6, 6]
    assert both.known("photos").tolist() == [-1] * 8
    assert both.part_names().tolist() == ["one"] * 4 + ["two"] * 4
    assert both.take(np.array([7, 0])).known("signers").tolist() == [6, -1]
    assert both.sha256 != join({"two": second, "one": first}, "both").sha256


def test_sets_of_other_sizes_are_not_joined() -> None:
    small = Samples(np.zeros((1, 2, 2), np.uint8), np.zeros(1, np.uint8), "there", "cd")
    with pytest.raises(DataError, match=r"images must be of one size, got .*\(2, 3\).*\(2, 2\)"):
        join({"one": _samples(), "two": small}, "both")
