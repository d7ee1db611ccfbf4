"""What a person looks at after a training: verdicts, pictures, pages, comparisons."""

from __future__ import annotations

import base64
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.report.workshop.compare import Evaluated, write_comparison
from host.report.workshop.confusion import plot_confusion
from host.report.workshop.mistakes import worst_mistakes
from host.report.workshop.page import write_workshop
from host.report.workshop.readings import Pair, count_answers, read_scores
from host.report.workshop.verdict import judge_history
from target.errors import DataError, ModelError
from target.opencv import cv2
from target.text.labels import STATIC_LABELS, label_of

NAN, INF = math.nan, math.inf
FACTS = {
    "network": "signnet",
    "config": {"learning_rate": 0.003, "validation": "photo:0.1", "seed": 1, "augment": None},
    "data": {"source": "archive.zip", "sha256": "ab" * 32, "rows_validated": 100},
    "weights": 74089,
    "seconds": 12.5,
}
HISTORY = {
    "loss": [2.0, 0.8, 0.5, 0.4],
    "accuracy": [0.3, 0.8, 0.95, 0.99],
    "val_loss": [1.2, 0.6, 0.45, 0.4],
    "val_accuracy": [0.6, 0.9, 0.97, 1.0],
}


def _history(
    loss: list[float], accuracy: list[float], val_loss: list[float], val_accuracy: list[float]
) -> dict[str, list[float]]:
    return {
        "loss": loss,
        "accuracy": accuracy,
        "val_loss": val_loss,
        "val_accuracy": val_accuracy,
    }


# Each: history, learning rate, kind, what the numbers say, what the advice says.
VERDICTS: dict[str, tuple[dict[str, list[float]], float, str, str, str]] = {
    "one epoch": (_history([2.0], [0.4], [1.5], [0.5]), 1e-3, "too short to say", "50.00 %", "3"),
    "two epochs": (
        _history([2.0, 1.0], [0.4, 0.7], [1.5, 0.9], [0.5, 0.8]),
        1e-3,
        "too short to say",
        "epoch 2 of 2",
        "at least 3 epochs",
    ),
    "overfitting, gap": (
        _history(
            [2.0, 0.5, 0.1, 0.03, 0.01, 0.005],
            [0.4, 0.8, 0.97, 0.99, 1.0, 1.0],
            [1.5, 0.9, 0.8, 0.8, 0.8, 0.8],
            [0.5, 0.7, 0.75, 0.76, 0.76, 0.76],
        ),
        1e-3,
        "overfitting",
        "gap of 23.00 percentage points",
        "augmentation",
    ),
    "overfitting, loss rises": (
        _history(
            [2.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01],
            [0.4, 0.8, 0.92, 0.96, 0.98, 0.99, 1.0],
            [1.2, 0.5, 0.3, 0.35, 0.4, 0.5, 0.6],
            [0.5, 0.85, 0.95, 0.96, 0.96, 0.96, 0.95],
        ),
        1e-3,
        "overfitting",
        "rose from 0.3 in epoch 3 to 0.5",
        "dropout",
    ),
    "underfitting": (
        _history(
            [2.0, 1.5, 1.3, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2],
            [0.3, 0.5, 0.55, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6],
            [1.9, 1.5, 1.3, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2],
            [0.3, 0.5, 0.56, 0.61, 0.61, 0.61, 0.61, 0.61, 0.61, 0.61],
        ),
        1e-3,
        "underfitting",
        "61.00 %",
        "larger network",
    ),
    "converged": (
        _history(
            [2.0, 0.5, 0.2, 0.1, 0.09, 0.09],
            [0.4, 0.85, 0.93, 0.96, 0.96, 0.96],
            [1.2, 0.4, 0.2, 0.15, 0.15, 0.15],
            [0.6, 0.9, 0.95, 0.97, 0.97, 0.97],
        ),
        1e-3,
        "converged",
        "97.00 %",
        "More epochs will not help",
    ),
    "validation above training is no fault": (
        _history(
            [2.0, 0.9, 0.7, 0.65, 0.65],
            [0.3, 0.7, 0.8, 0.82, 0.82],
            [1.0, 0.2, 0.05, 0.02, 0.02],
            [0.8, 0.97, 0.99, 1.0, 1.0],
        ),
        1e-3,
        "converged",
        "82.00 %",
        "Nothing needs to change",
    ),
    "still improving": (
        _history(
            [2.0, 1.2, 0.8, 0.6, 0.5],
            [0.4, 0.6, 0.72, 0.8, 0.84],
            [1.8, 1.1, 0.75, 0.55, 0.45],
            [0.45, 0.63, 0.74, 0.82, 0.86],
        ),
        1e-3,
        "still improving",
        "from 82.00 % to 86.00 %",
        "--epochs 8",
    ),
    "not a number": (
        _history([2.0, 1.0, NAN], [0.4, 0.6, 0.04], [1.5, INF, NAN], [0.4, 0.5, 0.04]),
        1.0,
        "learning rate too high",
        "The training loss is nan in epoch 3 and the validation loss is inf in epoch 2.",
        "--learning-rate 0.1",
    ),
    "diverged": (
        _history(
            [2.0, 1.0, 0.6, 2.8, 3.2],
            [0.4, 0.7, 0.8, 0.2, 0.05],
            [1.5, 0.9, 0.7, 3.0, 3.2],
            [0.5, 0.7, 0.8, 0.1, 0.04],
        ),
        0.05,
        "learning rate too high",
        "fell to 0.6 in epoch 3 and rose to 3.2",
        "--learning-rate 0.005",
    ),
    "oscillating": (
        _history(
            [2.0, 1.2, 0.9, 0.8, 0.75, 0.7, 0.68, 0.66, 0.65],
            [0.4, 0.6, 0.7, 0.75, 0.77, 0.78, 0.79, 0.8, 0.8],
            [1.5, 0.9, 0.6, 1.6, 0.6, 1.4, 0.6, 1.5, 0.6],
            [0.5, 0.7, 0.8, 0.5, 0.8, 0.55, 0.8, 0.5, 0.8],
        ),
        0.03,
        "learning rate too high",
        "jumped up 2 times in the last 5 steps",
        "--learning-rate 0.01",
    ),
    "never better than guessing, rate high": (
        _history([9.0, 3.3, 3.4, 3.3], [0.04] * 4, [3.3, 3.3, 3.4, 3.3], [0.04] * 4),
        0.1,
        "learning rate too high",
        "guessing gives 4.17 %",
        "--learning-rate 0.01",
    ),
    "never better than guessing, rate low": (
        _history([3.22, 3.21, 3.2, 3.19], [0.04] * 4, [3.22, 3.21, 3.2, 3.19], [0.05] * 4),
        1e-7,
        "learning rate too low",
        "guessing gives 4.17 %",
        "--learning-rate 1e-06",
    ),
    "never better than guessing, creeping": (
        _history([3.22, 3.21, 3.2, 3.19], [0.04] * 4, [3.22, 3.21, 3.2, 3.19], [0.05] * 4),
        0.002,
        "learning rate too low",
        "from 3.22 to 3.19",
        "--learning-rate 0.02",
    ),
    "diverged, mean squared error": (
        _history(
            [0.038, 0.02, 0.01, 0.04, 0.05],
            [0.2, 0.7, 0.8, 0.2, 0.05],
            [0.03, 0.015, 0.01, 0.04, 0.05],
            [0.5, 0.7, 0.8, 0.1, 0.04],
        ),
        0.5,
        "learning rate too high",
        "fell to 0.01 in epoch 3 and rose to 0.05",
        "--learning-rate 0.05",
    ),
    "slow": (
        _history(
            [3.2, 3.0, 2.8, 2.6, 2.4],
            [0.1, 0.2, 0.3, 0.35, 0.4],
            [3.1, 2.9, 2.7, 2.5, 2.3],
            [0.15, 0.25, 0.3, 0.38, 0.43],
        ),
        1e-5,
        "learning rate too low",
        "only from 3.2 to 2.4",
        "--learning-rate 0.0001",
    ),
}


@pytest.mark.parametrize("case", VERDICTS.values(), ids=VERDICTS)
def test_verdict_names_the_kind_the_numbers_and_one_advice(
    case: tuple[dict[str, list[float]], float, str, str, str],
) -> None:
    history, rate, kind, numbers, advice = case
    best = 1 + int(np.argmax(np.nan_to_num(history["val_accuracy"], nan=0.0)))
    verdict = judge_history(history, best, rate)
    assert verdict.kind == kind
    assert numbers in " ".join(verdict.numbers)
    assert advice in verdict.advice
    assert verdict.advice.endswith(".") and verdict.headline.endswith(".")
    assert json.loads(json.dumps(verdict.as_json()))["kind"] == kind


@pytest.mark.parametrize(
    ("network", "kind"),
    # signnet's mixture is harder than it is large: 83 % of augmented images, 85 % of people not trained on
    [("signnet", "still improving"), ("tutorial", "converged")],
)
def test_verdicts_on_the_released_models(network: str, kind: str) -> None:
    folder = Path(__file__).resolve().parents[3] / "models" / network
    stored = json.loads((folder / "history.json").read_text())
    assert judge_history(stored["history"], stored["best_epoch"], 1e-3).kind == kind


def test_best_epoch_may_be_the_start_itself() -> None:
    assert judge_history(HISTORY, 0, 1e-4).kind == "converged"


@pytest.mark.parametrize(
    ("history", "best", "text"),
    [
        ([], 1, "lists by metric"),
        ({**HISTORY, "val_loss": None}, 1, "val_loss must be a number per epoch, got nothing"),
        ({**HISTORY, "loss": []}, 1, "loss must be a number per epoch, got list of 0"),
        ({**HISTORY, "loss": [True] * 4}, 1, "loss must be a number per epoch"),
        ({**HISTORY, "loss": [1.0]}, 1, "of one length"),
        (HISTORY, 5, "best epoch must be 0-4, got 5"),
        (HISTORY, NAN, "best epoch must be 0-4, got nan"),
    ],
    ids=["list", "missing", "empty", "booleans", "lengths", "best", "best nan"],
)
def test_damaged_histories_are_refused(history: Any, best: Any, text: str) -> None:
    with pytest.raises(ModelError, match=text):
        judge_history(history, best, 1e-3)


def _set(
    counts: dict[str, int], mistakes: dict[tuple[str, str], int] | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return images, labels, scores: so many of each letter, so many of them read as another."""
    letters = [letter for letter, times in counts.items() for _ in range(times)]
    labels = np.array([label_of(letter) for letter in letters], dtype=np.uint8)
    answers = labels.copy()
    for (truth, answer), times in (mistakes or {}).items():
        rows = np.flatnonzero((labels == label_of(truth)) & (answers == labels))[:times]
        answers[rows] = label_of(answer)
    scores = np.full((len(labels), 25), 0.1 / 24)
    scores[np.arange(len(labels)), answers] = 0.9 + 0.001 * (np.arange(len(labels)) % 50)
    images = np.random.default_rng(1).integers(0, 256, (len(labels), 28, 28), dtype=np.uint8)
    return images, labels, scores


ALL = dict.fromkeys("ABCDEFGHIKLMNOPQRSTUVWXY", 6)
MISTAKES = {("M", "N"): 3, ("N", "M"): 1, ("V", "U"): 2}


def _write(out: Path, data: tuple[np.ndarray, np.ndarray, np.ndarray], **other: Any) -> Any:
    keywords = {"facts": FACTS, "history": HISTORY, "best_epoch": 4, **other}
    title, what = keywords.pop("title", "signnet"), keywords.pop("what", "validation: 144 images")
    return write_workshop(
        out, title, images=data[0], labels=data[1], scores=data[2], what=what, **keywords
    )


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.images: list[dict[str, str | None]] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "img":
            self.images.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        self.text += data.replace("\xa0", " ")


def _page(path: Path) -> _Page:
    """Return a page, having checked what holds for all of them."""
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"https?://|<script|<link|<iframe|@import|url\(", text)
    assert "prefers-color-scheme: dark" in text and 'name="viewport"' in text
    page = _Page(text)
    for image in page.images:
        assert len(image["alt"] or "") > 20
        kind, _, data = (image["src"] or "").partition(",")
        assert kind == "data:image/png;base64"
        _check_png(base64.b64decode(data))
    assert page.tags.count("figure") == len(page.images)
    assert page.tags.count("table") == page.tags.count("thead") == page.tags.count("caption")
    return page


def _check_png(data: bytes) -> None:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    height, width = picture.shape[:2]
    assert 1000 <= width <= 1200 and 100 <= height <= 2400
    assert len(data) < 1 << 20
    assert picture.min() < 100 and picture.max() == 255


def test_workshop_writes_four_pictures_a_page_and_a_summary(tmp_path: Path) -> None:
    summary = _write(tmp_path, _set(ALL, MISTAKES))
    folder = tmp_path / "workshop"
    assert sorted(path.name for path in folder.iterdir()) == [
        "confusion.png",
        "curves.png",
        "mistakes.png",
        "page.html",
        "pairs.png",
    ]
    for path in folder.glob("*.png"):
        _check_png(path.read_bytes())
    page = _page(folder / "page.html")
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
    summary = _write(tmp_path, _set(ALL))
    page = _page(tmp_path / "workshop" / "page.html")
    assert "100.00 %, no mistake among 144 images" in page.text
    assert page.text.count("No image was read wrongly.") == 2
    assert len(page.images) == 2
    for path in (tmp_path / "workshop").glob("*.png"):
        _check_png(path.read_bytes())
    assert (summary["accuracy"], summary["confused"]) == (1.0, [])


def test_letters_without_images_are_named(tmp_path: Path) -> None:
    summary = _write(tmp_path, _set({"M": 3, "N": 1}, {("N", "M"): 1}))
    page = _page(tmp_path / "workshop" / "page.html")
    assert "No image of A, B, C" in page.text and "X and Y: nothing is said" in page.text
    assert summary["recall"]["A"] is None and summary["recall"]["N"] == 0.0


def test_one_letter_that_swallows_others_is_named(tmp_path: Path) -> None:
    mistakes = {(letter, "P"): 6 for letter in "ABCDEFG"}
    facts = {**FACTS, "validation": {"accuracy": 0.99}}
    _write(tmp_path, _set(ALL, mistakes), facts=facts)
    page = _page(tmp_path / "workshop" / "page.html")
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
    _write(tmp_path, _set(ALL), facts=facts)
    page = _page(tmp_path / "workshop" / "page.html").text
    assert (text or "Converged") in page
    assert ("validation flatters" in page) == (text is not None)


def test_without_a_history_there_are_no_curves_and_no_verdict(tmp_path: Path) -> None:
    _write(tmp_path, _set(ALL, MISTAKES))
    summary = _write(tmp_path, _set(ALL, MISTAKES), history=None, best_epoch=0)
    assert summary["verdict"] is None
    assert not (tmp_path / "workshop" / "curves.png").exists()
    assert len(_page(tmp_path / "workshop" / "page.html").images) == 3


def test_a_history_that_diverged_can_be_drawn(tmp_path: Path) -> None:
    history = {**HISTORY, "val_loss": [1.0, INF, NAN, NAN]}
    summary = _write(tmp_path, _set(ALL), history=history, best_epoch=1)
    assert summary["verdict"]["kind"] == "learning rate too high"
    assert json.dumps(summary, allow_nan=False)


def test_titles_and_facts_are_no_markup(tmp_path: Path) -> None:
    hostile = "<script>$\\frac{1}$</script>\"'日"
    facts = {"network": hostile, hostile: [hostile] * 3, "config": hostile}
    _write(tmp_path, _set(ALL, MISTAKES), title=hostile, what=hostile, facts=facts)
    assert hostile in _page(tmp_path / "workshop" / "page.html").text


def test_the_same_input_gives_the_same_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        _write(tmp_path / name, _set(ALL, MISTAKES))
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
        _write(tmp_path, change(*_set(ALL)))
    assert not (tmp_path / "workshop").exists()


def test_a_damaged_history_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="val_loss must be a number per epoch"):
        _write(tmp_path, _set(ALL), history={**HISTORY, "val_loss": ["x"]})
    assert not (tmp_path / "workshop").exists()


def test_counts_have_rows_of_truth_and_columns_of_answers() -> None:
    labels, answers = np.array([0, 0, 12]), np.array([0, 1, 13])
    counts = count_answers(labels, answers)
    m, n = STATIC_LABELS.index(12), STATIC_LABELS.index(13)
    assert (counts.sum(), counts[0, 0], counts[0, 1], counts[m, n]) == (3, 1, 1, 1)


def test_confusion_picture_from_labels_and_answers(tmp_path: Path) -> None:
    _, labels, _ = _set(ALL)
    plot_confusion(labels, labels, tmp_path / "confusion.png")
    _check_png((tmp_path / "confusion.png").read_bytes())


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
    readings = read_scores(*_set(counts, {("M", "N"): 30, ("V", "U"): 2}))
    rows = worst_mistakes(readings)
    assert len(rows) == 20
    assert set(np.flatnonzero(readings.labels == label_of("V"))) <= set(rows)
    assert list(readings.confidence[rows]) == sorted(readings.confidence[rows], reverse=True)


def _trained(folder: Path, **changes: Any) -> Path:
    folder.mkdir(parents=True)
    facts = json.loads(json.dumps(FACTS))
    for name, value in changes.items():
        facts["data" if name in facts["data"] else "config"][name] = value
    (folder / "train.json").write_text(json.dumps(facts))
    stored = {"history": HISTORY, "best_epoch": 4}
    (folder / "history.json").write_text(json.dumps(stored))
    return folder


def test_comparison_of_three_folders_with_letters(tmp_path: Path) -> None:
    folders = [_trained(tmp_path / name / "net", optimizer="adam") for name in "abc"]
    _, labels, good = _set(ALL, {("M", "N"): 1})
    bad = _set(ALL, {("M", "N"): 4})[2]
    evaluated = {
        folder: Evaluated(labels, scores, "test: 144 images")
        for folder, scores in zip(folders, (good, bad))
    }
    summary = write_comparison(folders, tmp_path / "out", evaluated)
    page = _page(tmp_path / "out" / "comparison.html")
    assert summary["comparable"] and "Not comparable" not in page.text
    assert [item["name"] for item in summary["folders"]] == ["a/net", "b/net", "c/net"]
    assert summary["folders"][2]["recall"] is None
    assert json.dumps(summary, allow_nan=False)
    for text in ("adam", "74,089", "0.003", "100.00 %", "converged", "−50.00", "83.33 %"):
        assert text in page.text
    _check_png((tmp_path / "out" / "comparison.png").read_bytes())


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"sha256": "cd" * 32}, "The training data differ: a abababababab and b cdcdcdcdcdcd."),
        (
            {"validation": "photo:0.2"},
            "The rules of the split differ: a photo:0.1 and b photo:0.2.",
        ),
        ({"seed": 2}, "The seeds of the split differ: a 1 and b 2."),
        ({"rows_validated": 7}, "The numbers of validation rows differ: a 100 and b 7."),
    ],
    ids=["data", "rule", "seed", "rows"],
)
def test_comparison_says_what_is_not_comparable(
    changes: dict[str, Any], text: str, tmp_path: Path
) -> None:
    folders = [_trained(tmp_path / "a"), _trained(tmp_path / "b", **changes)]
    summary = write_comparison(folders, tmp_path)
    page = _page(tmp_path / "comparison.html")
    assert not summary["comparable"] and summary["why_not"] == [text]
    assert "not comparable" in page.text and text in page.text
    assert "Best validation accuracy" not in page.text


def test_the_seed_does_not_matter_to_the_last_rows(tmp_path: Path) -> None:
    folders = [_trained(tmp_path / str(seed), validation="tail:9", seed=seed) for seed in (1, 2)]
    assert write_comparison(folders, tmp_path)["comparable"]


def test_losses_of_other_settings_are_not_comparable(tmp_path: Path) -> None:
    folders = [_trained(tmp_path / "a"), _trained(tmp_path / "b", loss="crossentropy")]
    write_comparison(folders, tmp_path)
    assert "Losses are not" not in _page(tmp_path / "comparison.html").text
    write_comparison([*folders, _trained(tmp_path / "c", loss="mse")], tmp_path)
    assert "Losses are not comparable" in _page(tmp_path / "comparison.html").text


def test_letters_of_different_images_are_not_comparable(tmp_path: Path) -> None:
    folders = [_trained(tmp_path / name) for name in "ab"]
    evaluated = {
        folder: Evaluated(*_set(counts)[1:], what="photos")
        for folder, counts in zip(folders, (ALL, {"A": 2}))
    }
    write_comparison(folders, tmp_path, evaluated)
    assert "Not comparable, the images differ." in _page(tmp_path / "comparison.html").text


def test_quantization_aware_folders_are_read_by_their_own_training(tmp_path: Path) -> None:
    folders = [_trained(tmp_path / name) for name in "ab"]
    facts = json.loads((folders[1] / "train.json").read_text())
    facts["quantization_aware"] = {
        "config": {**facts["config"], "learning_rate": 0.0001},
        "data_sha256": facts["data"]["sha256"],
        "rows_validated": 100,
    }
    (folders[1] / "train.json").write_text(json.dumps(facts))
    (folders[1] / "history.json").write_text(json.dumps({"history": HISTORY, "best_epoch": 0}))
    summary = write_comparison(folders, tmp_path)
    page = _page(tmp_path / "comparison.html")
    assert summary["comparable"] and summary["folders"][1]["val_accuracy"] is None
    assert "signnet, quantization-aware" in page.text and "0.0001" in page.text


@pytest.mark.parametrize(
    ("file", "content", "text"),
    [
        ("train.json", None, "must have a train.json, got none in .*; train one"),
        ("history.json", None, "must have a history.json, got none"),
        ("history.json", "{", "history.json must be JSON"),
        ("history.json", "[]", r"must be an object, got \[\]"),
        ("history.json", "{}", "history must be lists by metric, got nothing in"),
        ("history.json", '{"history": {"loss": [1]}}', "accuracy must be a number per epoch"),
        ("train.json", '{"data": {"sha256": "x"}}', "config with its learning_rate, got nothing"),
        ("train.json", '{"config": {"learning_rate": 1}}', "data with its sha256, got nothing"),
    ],
    ids=["untrained", "no history", "cut", "list", "empty", "metric", "config", "data"],
)
def test_folders_that_were_not_trained_are_refused(
    file: str, content: str | None, text: str, tmp_path: Path
) -> None:
    folders = [_trained(tmp_path / name) for name in "ab"]
    if content is None:
        (folders[1] / file).unlink()
    else:
        (folders[1] / file).write_text(content)
    with pytest.raises(ModelError, match=text) as caught:
        write_comparison(folders, tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("count", [1, 13])
def test_too_few_and_too_many_folders(count: int, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"must be 2 to 12, got {count}"):
        write_comparison([tmp_path] * count, tmp_path / "out")


def test_the_same_folder_twice_has_two_names(tmp_path: Path) -> None:
    folder = _trained(tmp_path / "a")
    summary = write_comparison([folder, folder], tmp_path / "out")
    names = [item["name"] for item in summary["folders"]]
    assert len(set(names)) == 2 and names[1].endswith("a (2)")
