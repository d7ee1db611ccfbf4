"""Proposes words for what was spelled, from a plain list of words; the only file that imports rapidfuzz."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, List, Sequence

from target.errors import BackendError, DataError
from target.text.labels import ALPHABET

MOST = 3  # proposals
_LEAST_LIKE = 60.0  # per cent
_LONGEST_WORD = 64
_MOST_WORDS = 1_000_000
_MOST_BYTES = 64 << 20


class Suggester:
    """Finds the words of a list that are nearest to what was spelled.

    Args:
        words: In capitals.

    Raises:
        BackendError: If rapidfuzz is not installed.
    """

    def __init__(self, words: Sequence[str]) -> None:
        try:
            self._process: Any = importlib.import_module("rapidfuzz.process")
            self._ratio: Any = importlib.import_module("rapidfuzz.fuzz").ratio
        except ImportError as error:
            raise BackendError(
                f"rapidfuzz must be installed for --words, got '{error}'; run pip install rapidfuzz,"
                " or leave --words out"
            ) from error
        self._words = list(dict.fromkeys(words))
        self._known = set(self._words)

    def __call__(self, word: str) -> List[str]:
        """Return up to three words of the list, the nearest first; none for one that is in the list."""
        if len(word) < 2 or word in self._known:
            return []
        found = self._process.extract(
            word[:_LONGEST_WORD],
            self._words,
            scorer=self._ratio,
            limit=MOST,
            score_cutoff=_LEAST_LIKE,
        )
        return [str(match[0]) for match in found]


def read_words(path: Path) -> List[str]:
    """Read a list of words, one a line; those with other than the 26 letters are left out.

    Raises:
        DataError: If there is no such file, it is no text, it is too large, or it has no word.
    """
    if path.is_dir() or path.is_char_device() or path.is_block_device():
        raise DataError(f"list of words must be a file, got something else at {path}")
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(
                f"list of words must have at most {_MOST_BYTES >> 20} MB, got more in {path}"
            )
        with path.open(encoding="utf-8-sig") as lines:
            words = [line.strip().upper() for _, line in zip(range(_MOST_WORDS), lines)]
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "another encoding"
        raise DataError(
            f"list of words must be a text in UTF-8, got '{reason}' in {path}"
        ) from error
    good = [
        word
        for word in words
        if word and len(word) <= _LONGEST_WORD and not set(word) - set(ALPHABET)
    ]
    if not good:
        raise DataError(f"list of words must have a word of the letters A-Z, got none in {path}")
    return good
