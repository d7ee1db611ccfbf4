from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.__main__ import main
from host.commands.evaluate import LOG
from host.data.load import load_test_samples
from host.data.signer_set import load_signer_set
from host.runners.answers import Answers
from host.training.confidence import labels_of
from target.manifest import load_manifest


@pytest.fixture(scope="module")
def photos(small_archive: Path) -> Any:
    return load_test_samples(small_archive, None)


@pytest.fixture
def signers(photos: Any, tmp_path: Path) -> Path:
    """An .npz file: gray images of three signers, films of several images, a J among the labels."""
    path = tmp_path / "signers.npz"
    rows = np.arange(40)
    labels = photos.labels[rows].astype(np.int64)
    labels[7] = 9
    np.savez(
        path,
        images=photos.images[rows],
        labels=labels,
        signer=np.array(["ann", "bob", "eve"])[rows % 3],
        clip=rows // 4,
    )
    return path


@pytest.fixture
def model(released: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(released["signnet"], tmp_path / "signnet"))


def _evaluate(
    capsys: pytest.CaptureFixture[str], model: Path, data: Path, cache: Path, *more: str
) -> dict[str, Any]:
    command = ["evaluate", model, "--data", data, "--cache", cache, "--json", "--quiet", *more]
    assert main([*map(str, command)]) == 0
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def test_a_signer_set_is_counted_as_a_person_would_count_it(
    model: Path, signers: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = _evaluate(capsys, model, signers, cache)
    stored = np.load(signers)
    kept = stored["labels"] != 9
    images, labels, who = (stored[name][kept] for name in ("images", "labels", "signer"))
    manifest = load_manifest(model)
    answers = Answers(manifest)
    letters = {k: labels_of(v, manifest.classes) for k, v in answers.logits(images).items()}
    assert result["n"] == 39
    for kind, found in letters.items():
        right = found == labels
        assert result[f"{kind}_correct"] == right.sum()
        for name in ("ann", "bob", "eve"):
            counted = result["per_signer"][name]
            assert counted[f"{kind}_correct"] == right[who == name].sum()
            assert counted["n"] == (who == name).sum()
    flipped = answers.logits(np.ascontiguousarray(images[:, :, ::-1]))
    for kind, scores in flipped.items():
        right = labels_of(scores, manifest.classes) == labels
        assert result["mirrored"][f"{kind}_correct"] == right.sum()
    assert np.array(result["confusion"]).sum() == 39
    assert sum(entry["n"] for entry in result["calibration"]["bins"]) == 39
    assert result["apart"] is None


def test_films_count_by_majority(
    model: Path, photos: Any, tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = load_manifest(model)
    answers = labels_of(
        Answers(manifest, with_float=False).logits(photos.images)["int8"], manifest.classes
    )
    label = int(np.bincount(answers).argmax())
    asked = np.flatnonzero(answers == label)[:2]
    others = np.flatnonzero(answers != label)[:3]
    rows = np.array([asked[0], asked[1], others[0], others[1], others[2]])
    path = tmp_path / "films.npz"
    # film 0: two of three say the label; film 1: none does
    np.savez(path, images=photos.images[rows], labels=np.full(5, label), clip=[0, 0, 0, 1, 1])
    clips = _evaluate(capsys, model, path, cache, "--no-float")["clips"]
    assert clips == {"n": 2, "float_correct": None, "int8_correct": 1}


def test_the_archive_is_also_counted_without_photos_of_the_training_part(
    model: Path, small_archive: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = _evaluate(capsys, model, small_archive, cache, "--no-float")
    # the made-up archive shows the same three photos a letter in both parts
    assert result["apart"] == {"n": 0, "float_correct": None, "int8_correct": 0}
    assert result["per_signer"] == {} and result["clips"] is None


def test_every_saved_evaluation_of_a_signer_set_is_logged(
    model: Path, signers: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (model / LOG).read_bytes() if (model / LOG).exists() else None
    _evaluate(capsys, model, signers, cache)
    assert ((model / LOG).read_bytes() if (model / LOG).exists() else None) == before
    metrics = (model / "metrics.json").read_bytes()
    for count in (1, 2):
        result = _evaluate(capsys, model, signers, cache, "--save")
        logged = json.loads((model / LOG).read_text())["sets"]["signers.npz"]
        assert len(logged["evaluations"]) == count
        assert logged["evaluations"][-1]["int8_correct"] == result["int8_correct"]
        assert logged["evaluations"][-1]["sha256"] == result["dataset_sha256"]
    assert (model / "metrics.json").read_bytes() == metrics


def test_a_damaged_log_is_not_overwritten(
    model: Path, signers: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (model / LOG).write_text('{"sets": [1]}')
    command = ["evaluate", model, "--data", signers, "--cache", cache, "--save"]
    assert main([*map(str, command)]) == 1
    assert "log must have the evaluations of each set" in capsys.readouterr().err
    assert (model / LOG).read_text() == '{"sets": [1]}'


def test_temperature_changes_confidence_and_no_answer(
    model: Path, signers: Path, cache: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    manifest = json.loads((model / "model.json").read_text())
    results = []
    for temperature in (0.5, 4.0):
        manifest["output"]["temperature"] = temperature
        (model / "model.json").write_text(json.dumps(manifest))
        plot = tmp_path / f"{temperature}.png"
        results.append(_evaluate(capsys, model, signers, cache, "--reliability", str(plot)))
        assert plot.stat().st_size > 10_000
    assert results[0]["confusion"] == results[1]["confusion"]
    means = [
        sum((entry["confidence"] or 0) * entry["n"] for entry in result["calibration"]["bins"])
        for result in results
    ]
    assert means[0] > means[1]


def test_signers_are_read_as_the_application_reads_frames(signers: Path) -> None:
    given = load_signer_set(signers, 28, 0.05)
    assert given.signers == ("ann", "bob", "eve") and given.clips is not None
    assert len(given.samples) == 39 and given.samples.images.shape[1:] == (28, 28)
