"""Proposals from a list of words."""

from __future__ import annotations

from pathlib import Path

import pytest

from target.errors import BackendError, DataError
from target.text import words
from target.text.words import Suggester, read_words


def test_near_words_first() -> None:
    suggester = Suggester(["HELLO", "HELP", "WORLD", "YELLOW", "HELLO"])
    assert suggester("HELO")[0] == "HELLO"
    assert "HELP" in suggester("HELO") and len(suggester("HELO")) <= 3
    assert suggester("WRLD")[0] == "WORLD"


@pytest.mark.parametrize("word", ["", "H", "HELLO", "QQQQQQ", "Z" * 5000])
def test_nothing_to_propose(word: str) -> None:
    assert Suggester(["HELLO", "WORLD"])(word) == []


def test_a_list_is_read_without_what_cannot_be_spelled(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("hello\n\n  World \nit's\nnaïve\n42\n" + "x" * 100 + "\n", encoding="utf-8")
    assert read_words(path) == ["HELLO", "WORLD"]


@pytest.mark.parametrize("content", [b"", b"123\n", b"\xff\xfe\x00"])
def test_a_list_without_words(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match="list of words must"):
        read_words(path)
    with pytest.raises(DataError, match="No such file"):
        read_words(tmp_path / "none.txt")


def test_without_the_library_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(f"No module named '{name}'")

    monkeypatch.setattr(words.importlib, "import_module", missing)
    with pytest.raises(BackendError, match="run pip install rapidfuzz, or leave --words out"):
        Suggester(["HELLO"])


def test_a_mark_at_the_beginning_belongs_to_no_word(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("hello\nworld\n", encoding="utf-8-sig")
    assert read_words(path) == ["HELLO", "WORLD"]


def test_a_list_without_an_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("/dev/zero", str(tmp_path)):
        with pytest.raises(DataError, match="list of words must be a file"):
            read_words(Path(place))
    monkeypatch.setattr(words, "_MOST_BYTES", 4 << 20)
    with (tmp_path / "long.txt").open("wb") as file:
        file.truncate(5 << 20)
    with pytest.raises(DataError, match="list of words must have at most 4 MB"):
        read_words(tmp_path / "long.txt")
