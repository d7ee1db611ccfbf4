"""Trained folders side by side: what is compared, what is not comparable, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from host.report.workshop.compare import Evaluated, write_comparison
from target.errors import DataError, ModelError
from tests.host.report.workshops import ALL, FACTS, HISTORY, check_png, make_set, read_page


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
    _, labels, good = make_set(ALL, {("M", "N"): 1})
    bad = make_set(ALL, {("M", "N"): 4})[2]
    evaluated = {
        folder: Evaluated(labels, scores, "test: 144 images")
        for folder, scores in zip(folders, (good, bad))
    }
    summary = write_comparison(folders, tmp_path / "out", evaluated)
    page = read_page(tmp_path / "out" / "comparison.html")
    assert summary["comparable"] and "Not comparable" not in page.text
    assert [item["name"] for item in summary["folders"]] == ["a/net", "b/net", "c/net"]
    assert summary["folders"][2]["recall"] is None
    assert json.dumps(summary, allow_nan=False)
    for text in ("adam", "74,089", "0.003", "100.00 %", "converged", "−50.00", "83.33 %"):
        assert text in page.text
    check_png((tmp_path / "out" / "comparison.png").read_bytes())


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
    page = read_page(tmp_path / "comparison.html")
    assert not summary["comparable"] and summary["why_not"] == [text]
    assert "not comparable" in page.text and text in page.text
    assert "Best validation accuracy" not in page.text


def test_the_seed_does_not_matter_to_the_last_rows(tmp_path: Path) -> None:
    folders = [_trained(tmp_path / str(seed), validation="tail:9", seed=seed) for seed in (1, 2)]
    assert write_comparison(folders, tmp_path)["comparable"]


def test_losses_of_other_settings_are_not_comparable(tmp_path: Path) -> None:
    folders = [_trained(tmp_path / "a"), _trained(tmp_path / "b", loss="crossentropy")]
    write_comparison(folders, tmp_path)
    assert "Losses are not" not in read_page(tmp_path / "comparison.html").text
    write_comparison([*folders, _trained(tmp_path / "c", loss="mse")], tmp_path)
    assert "Losses are not comparable" in read_page(tmp_path / "comparison.html").text


def test_letters_of_different_images_are_not_comparable(tmp_path: Path) -> None:
    folders = [_trained(tmp_path / name) for name in "ab"]
    evaluated = {
        folder: Evaluated(*make_set(counts)[1:], what="photos")
        for folder, counts in zip(folders, (ALL, {"A": 2}))
    }
    write_comparison(folders, tmp_path, evaluated)
    assert "Not comparable, the images differ." in read_page(tmp_path / "comparison.html").text


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
    page = read_page(tmp_path / "comparison.html")
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
