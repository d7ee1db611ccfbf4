"""Labels of the sign alphabet: label value 0-25 is A-Z; J (9) and Z (25) need motion.

Letters map by label value, never by position in a list without J: the tutorial this project
follows indexed a 24-letter list with labels 0-24, printed K..X one letter late and crashed on Y.
"""

from __future__ import annotations

import string
from typing import List, Optional, Sequence

import numpy as np

from target.errors import DataError

ALPHABET = string.ascii_uppercase
MOVING = (9, 25)
# No still letter uses the output of J: a model trained to do so says with it that there is no letter to read.
NOTHING = 9
STATIC_LABELS = tuple(label for label in range(26) if label not in MOVING)
STATIC_LETTERS = "".join(ALPHABET[label] for label in STATIC_LABELS)


def letter_of(label: int) -> str:
    """Return the letter of a label value, 0 = A to 25 = Z.

    Raises:
        DataError: If the label is outside 0-25.
    """
    if not 0 <= label < len(ALPHABET):
        raise DataError(f"label must be 0-25, got {label}")
    return ALPHABET[label]


def label_of(letter: str) -> int:
    """Return the label value of a letter, either case.

    Raises:
        DataError: If it is not a single letter A-Z.
    """
    label = ALPHABET.find(letter.upper()) if len(letter) == 1 else -1
    if label < 0:
        raise DataError(f"letter must be one of A-Z, got {letter!r}")
    return label


def classes_of_outputs(outputs: int) -> List[Optional[str]]:
    """Return one entry per model output: its letter, or None where no still letter belongs.

    Args:
        outputs: Number of model outputs: 24 (letters without J and Z), 25 or 26 (label values).

    Raises:
        DataError: For any other number.
    """
    if outputs == len(STATIC_LABELS):
        return list(STATIC_LETTERS)
    if outputs in (25, 26):
        return [None if i in MOVING else ALPHABET[i] for i in range(outputs)]
    raise DataError(f"model outputs must be 24, 25 or 26 for the alphabet, got {outputs}")


def masked_argmax(scores: np.ndarray, classes: Sequence[Optional[str]]) -> np.ndarray:
    """Return the index of the best output that has a letter; the first of equals.

    Args:
        scores: Any real dtype, (..., len(classes)).
        classes: The manifest's classes; outputs with None never win.

    Returns:
        int64 (...,): indices into `classes`.
    """
    allowed = np.array([index for index, letter in enumerate(classes) if letter is not None])
    best = np.argmax(scores[..., allowed], axis=-1)
    return np.asarray(allowed[best])
