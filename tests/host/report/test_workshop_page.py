"""What a person looks at after a training: pictures, a page, a summary."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.report.workshop.confusion import plot_confusion
from host.report.workshop.mistakes import worst_mistakes
from host.report.workshop.page import write_workshop
from host.report.workshop.readings import Pair, count_answers, read_scores
from target.errors import DataError, ModelError
from target.text.labels import STATIC_LABELS, label_of
from tests.host.report.workshops import ALL, FACTS, HISTORY, check_png, make_set, read_page

NAN, INF = math.nan, math.inf
MISTAKES = {("M", "N"): 3, ("N", "M"): 1, ("V", "U"): 2}


def _write(out: Path, data: tuple[np.ndarray, np.ndarray, np.ndarray], **other: Any) -> Any:
    keywords = {"facts": FACTS, "history": HISTORY, "best_epoch": 4, **other}
    title, what = keywords.pop("title", "signnet"), keywords.pop("what", "validation: 144 images")
    return write_workshop(
        out, title, images=data[0], labels=data[1], scores=data[2], what=what, **keywords
    )


def test_workshop_writes_four_pictures_a_page_and_a_summary(tmp_path: Path) -> None:
    summary = _write(tmp_path, make_set(ALL, MISTAKES))
    folder = tmp_path / "workshop"
    assert sorted(path.name for path in folder.iterdir()) == [
        "confusion.png",
        "curves.png",
        "mistakes.png",
        "page.html",
        "pairs.png",
    ]
    for path in folder.glob("*.png"):
        check_png(path.read_bytes())
    page = read_page(folder / "page.html")
    assert len(page.images) == 4
    for text in (
        "Converged: it learned what it can.",
        "95.83 %, 6 mistakes among 144 images (validation: 144 images)",
        "N: 3 of 6, 50 %",
        "M read as N",
        "74,089",
    ):
        assert text in page.text + str(page.images)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert (summary["n"], summary["wrong"]) == (144, 6)
    assert summary["accuracy"] == pytest.approx(138 / 144)
    assert summary["recall"]["M"] == 0.5 and summary["recall"]["A"] == 1.0
    assert summary["confused"][0] == {
        "truth": "M",
        "answer": "N",
        "times": 3,
        "of": 6,
        "share": 0.5,
    }
    assert [pair["truth"] for pair in summary["confused"]] == ["M", "V", "N"]
    assert summary["verdict"]["kind"] == "converged"
    assert summary["page"] == str(folder / "page.html")


def test_a_set_without_mistakes_says_so(tmp_path: Path) -> None:
    summary = _write(tmp_path, make_set(ALL))
    page = read_page(tmp_path / "workshop" / "page.html")
    assert "100.00 %, no mistake among 144 images" in page.text
    assert page.text.count("No image was read wrongly.") == 2
    assert len(page.images) == 2
    for path in (tmp_path / "workshop").glob("*.png"):
        check_png(path.read_bytes())
    assert (summary["accuracy"], summary["confused"]) == (1.0, [])


def test_letters_without_images_are_named(tmp_path: Path) -> None:
    summary = _write(tmp_path, make_set({"M": 3, "N": 1}, {("N", "M"): 1}))
    page = read_page(tmp_path / "workshop" / "page.html")
    assert "No image of A, B, C" in page.text and "X and Y: nothing is said" in page.text
    assert summary["recall"]["A"] is None and summary["recall"]["N"] == 0.0


def test_one_letter_that_swallows_others_is_named(tmp_path: Path) -> None:
    mistakes = {(letter, "P"): 6 for letter in "ABCDEFG"}
    facts = {**FACTS, "validation": {"accuracy": 0.99}}
    _write(tmp_path, make_set(ALL, mistakes), facts=facts)
    page = read_page(tmp_path / "workshop" / "page.html")
    assert "P was the answer for 48 images; 6 of them all show it." in page.text
    assert "less than the 99.00 % of the validation" in page.text


@pytest.mark.parametrize(
    ("rule", "leaked", "text"),
    [
        ("photo:0.1", 0, None),
        ("photo:0.1", None, None),
        ("random:0.1", 1234, "Of the validation rows 1,234 show a photo or a signer"),
        ("tail:100", None, "may show the same photos"),
        ("tail:100", 0, None),
    ],
)
def test_a_validation_that_flatters_is_named(
    rule: str, leaked: int | None, text: str | None, tmp_path: Path
) -> None:
    facts = {**FACTS, "config": {"validation": rule}, "data": {"rows_leaked": leaked}}
    _write(tmp_path, make_set(ALL), facts=facts)
    page = read_page(tmp_path / "workshop" / "page.html").text
    assert (text or "Converged") in page
    assert ("validation flatters" in page) == (text is not None)


def test_without_a_history_there_are_no_curves_and_no_verdict(tmp_path: Path) -> None:
    _write(tmp_path, make_set(ALL, MISTAKES))
    summary = _write(tmp_path, make_set(ALL, MISTAKES), history=None, best_epoch=0)
    assert summary["verdict"] is None
    assert not (tmp_path / "workshop" / "curves.png").exists()
    assert len(read_page(tmp_path / "workshop" / "page.html").images) == 3


def test_a_history_that_diverged_can_be_drawn(tmp_path: Path) -> None:
    history = {**HISTORY, "val_loss": [1.0, INF, NAN, NAN]}
    summary = _write(tmp_path, make_set(ALL), history=history, best_epoch=1)
    assert summary["verdict"]["kind"] == "learning rate too high"
    assert json.dumps(summary, allow_nan=False)


def test_titles_and_facts_are_no_markup(tmp_path: Path) -> None:
    hostile = "<script>$\\frac{1}$</script>\"'日"
    facts = {"network": hostile, hostile: [hostile] * 3, "config": hostile}
    _write(tmp_path, make_set(ALL, MISTAKES), title=hostile, what=hostile, facts=facts)
    assert hostile in read_page(tmp_path / "workshop" / "page.html").text


def test_the_same_input_gives_the_same_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        _write(tmp_path / name, make_set(ALL, MISTAKES))
    for path in (tmp_path / "a" / "workshop").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / "workshop" / path.name).read_bytes()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda x, y, p: (x[:0], y[:0], p[:0]), "at least 1, got 0"),
        (lambda x, y, p: (x.astype(float), y, p), "images must be uint8"),
        (lambda x, y, p: (x[:5], y, p), "one per image"),
        (lambda x, y, p: (x, y, p[:, :24]), "scores must be 25 per label"),
        (lambda x, y, p: (x, y * 0 + 9, p), r"labels must be 0-24 without 9, got \[9\]"),
        (lambda x, y, p: (x, y, p * NAN), "scores must be finite"),
    ],
    ids=["no images", "type", "count", "outputs", "J", "nan"],
)
def test_what_does_not_belong_together_is_refused(change: Any, text: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=text):
        _write(tmp_path, change(*make_set(ALL)))
    assert not (tmp_path / "workshop").exists()


def test_a_damaged_history_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="val_loss must be a number per epoch"):
        _write(tmp_path, make_set(ALL), history={**HISTORY, "val_loss": ["x"]})
    assert not (tmp_path / "workshop").exists()


def test_counts_have_rows_of_truth_and_columns_of_answers() -> None:
    labels, answers = np.array([0, 0, 12]), np.array([0, 1, 13])
    counts = count_answers(labels, answers)
    m, n = STATIC_LABELS.index(12), STATIC_LABELS.index(13)
    assert (counts.sum(), counts[0, 0], counts[0, 1], counts[m, n]) == (3, 1, 1, 1)


def test_confusion_picture_from_labels_and_answers(tmp_path: Path) -> None:
    _, labels, _ = make_set(ALL)
    plot_confusion(labels, labels, tmp_path / "confusion.png")
    check_png((tmp_path / "confusion.png").read_bytes())


@pytest.mark.parametrize(
    ("times", "of", "text"),
    [
        (12, 144, "12 of 144, 8 %"),
        (1, 209, "1 of 209, 0.5 %"),
        (1500, 1500, "1,500 of 1,500, 100 %"),
    ],
    ids=["some", "few", "all"],
)
def test_pair_in_words(times: int, of: int, text: str) -> None:
    pair = Pair(12, 13, times, of)
    assert (pair.name, pair.share) == ("M read as N", text)


def test_worst_mistakes_are_the_most_confident_and_not_all_of_one_pair() -> None:
    counts = {"M": 30, "V": 2}
    readings = read_scores(*make_set(counts, {("M", "N"): 30, ("V", "U"): 2}))
    rows = worst_mistakes(readings)
    assert len(rows) == 20
    assert set(np.flatnonzero(readings.labels == label_of("V"))) <= set(rows)
    assert list(readings.confidence[rows]) == sorted(readings.confidence[rows], reverse=True)
