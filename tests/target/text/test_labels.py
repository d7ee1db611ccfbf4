from __future__ import annotations

import string

import numpy as np
import pytest

from target.errors import DataError
from target.text.labels import (
    STATIC_LABELS,
    STATIC_LETTERS,
    classes_of_outputs,
    label_of,
    letter_of,
    masked_argmax,
)


@pytest.mark.parametrize(
    ("label", "letter"), [(0, "A"), (8, "I"), (9, "J"), (10, "K"), (24, "Y"), (25, "Z")]
)
def test_letters_follow_the_label_value(label: int, letter: str) -> None:
    assert letter_of(label) == letter
    assert label_of(letter) == label_of(letter.lower()) == label


@pytest.mark.parametrize("label", [-1, 26, 255])
def test_letter_of_refuses_other_labels(label: int) -> None:
    with pytest.raises(DataError, match=f"label must be 0-25, got {label}"):
        letter_of(label)


@pytest.mark.parametrize("letter", ["", "AB", "1", "Ä", " ", "ß"])
def test_label_of_refuses_other_texts(letter: str) -> None:
    with pytest.raises(DataError, match=f"letter must be one of A-Z, got {letter!r}"):
        label_of(letter)


def test_still_letters_are_all_but_j_and_z() -> None:
    assert STATIC_LETTERS == "ABCDEFGHIKLMNOPQRSTUVWXY"
    assert len(STATIC_LABELS) == 24
    assert 9 not in STATIC_LABELS and 25 not in STATIC_LABELS
    assert [letter_of(label) for label in STATIC_LABELS] == list(STATIC_LETTERS)


@pytest.mark.parametrize("outputs", [25, 26])
def test_classes_of_label_outputs_mask_the_moving_letters(outputs: int) -> None:
    classes = classes_of_outputs(outputs)
    assert len(classes) == outputs
    assert classes[9] is None
    assert (classes[8], classes[10], classes[24]) == ("I", "K", "Y")
    assert classes[25:] == [None] * (outputs - 25)
    for index, letter in enumerate(classes):
        assert letter in (None, string.ascii_uppercase[index])


def test_classes_of_24_outputs_skip_j() -> None:
    classes = classes_of_outputs(24)
    assert (classes[8], classes[9], classes[23]) == ("I", "K", "Y")


@pytest.mark.parametrize("outputs", [0, 10, 23, 27])
def test_classes_of_other_outputs_are_refused(outputs: int) -> None:
    message = f"model outputs must be 24, 25 or 26 for the alphabet, got {outputs}"
    with pytest.raises(DataError, match=message):
        classes_of_outputs(outputs)


def test_masked_argmax_never_takes_a_masked_output() -> None:
    classes = classes_of_outputs(25)
    scores = np.zeros((2, 3, 25), np.int8)
    scores[..., 9] = 127
    scores[0, 0, 24] = 5
    scores[1, 2, [3, 7]] = 9
    best = masked_argmax(scores, classes)
    np.testing.assert_array_equal(best, [[24, 0, 0], [0, 0, 3]])  # the first of equals
