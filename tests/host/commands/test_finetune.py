from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.__main__ import main
from host.commands import finetune as command
from host.graph.keras_file import load_keras_model
from target.manifest import load_manifest
from target.text.labels import STATIC_LABELS


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "EPOCH_IMAGES", 960)
    monkeypatch.setattr(command, "JUDGED_HANDS", 240)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Two people's photos: a pattern a letter that no hand has, three films of each."""
    generator = np.random.default_rng(3)
    images, labels, who = [], [], []
    for label in STATIC_LABELS:
        pattern = generator.normal(0, 45, (7, 7)).repeat(4, axis=0).repeat(4, axis=1)
        for signer in (0, 1):
            for film in generator.normal(0, 25, (3, 28, 28)):
                for _ in range(5):
                    frame = 128 + pattern + film + generator.normal(0, 3, film.shape)
                    images.append(np.clip(frame, 0, 255).astype(np.uint8))
                    labels.append(label)
                    who.append(signer)
    path = tmp_path / "own.npz"
    np.savez(path, images=np.array(images), labels=labels, signer=who)
    return path


def _run(capsys: pytest.CaptureFixture[str], *args: object) -> dict[str, Any]:
    assert main(["finetune", *map(str, args), "--json", "--quiet"]) == 0, capsys.readouterr().err
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def _fail(capsys: pytest.CaptureFixture[str], *args: object) -> str:
    assert main(["finetune", *map(str, args), "--quiet"]) == 1
    return capsys.readouterr().err


@pytest.mark.slow
def test_a_model_learns_new_hands_and_is_ready_to_run(
    released: dict[str, Path],
    own: Path,
    small_archive: Path,
    tmp_path: Path,
    cache: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "mine"
    result = _run(
        *(capsys, released["signnet"], "--images", own, "--signer", 0, "--data", small_archive),
        *(
            "--out",
            out,
            "--epochs",
            10,
            "--augment",
            "none",
            "--learning-rate",
            5e-3,
            "--cache",
            cache,
            "--draws",
            2,
        ),
    )
    held_out = result["draws"][0]["results"]["own photos, held out"]
    before, after = held_out["before"], held_out["after"]
    assert before["n"] == after["n"] > 0
    assert before["int8_correct"] < 0.3 * before["n"]  # patterns are no hands
    assert after["int8_correct"] > 0.6 * after["n"]
    assert set(result["groups"].values()) == {3} and result["unjudged"] == []
    assert len(result["draws"]) == 2
    assert result["int8_after"]["worst"] <= result["int8_after"]["mean"]
    assert result["draws"][0]["results"]["rendered hands"]["after"]["n"] == 240
    manifest = load_manifest(out)
    manifest.verify()
    assert manifest.treatment == load_manifest(released["signnet"]).treatment
    assert json.loads((out / "train.json").read_text())["finetuned"]["from"] == "signnet"
    assert json.loads((out / "finetune.json").read_text()) == result


def test_frozen_layers_stay_as_they_were(
    released: dict[str, Path],
    own: Path,
    small_archive: Path,
    tmp_path: Path,
    cache: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _run(
        *(capsys, released["signnet"], "--images", own, "--signer", 1, "--data", small_archive),
        *("--out", tmp_path / "m", "--epochs", 1, "--unfreeze", 1, "--cache", cache),
    )
    old = load_keras_model(released["signnet"] / "float.keras")
    new = load_keras_model(tmp_path / "m/float.keras")
    with_kernel = [layer.name for layer in old.layers if hasattr(layer, "kernel")]
    for layer in new.layers:
        same = all(
            np.array_equal(a, b)
            for a, b in zip(layer.get_weights(), old.get_layer(layer.name).get_weights())
        )
        assert same == (layer.name not in with_kernel[-2:]), layer.name
        assert layer.trainable


def test_what_cannot_be_is_refused(
    released: dict[str, Path],
    own: Path,
    small_archive: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    start = (released["signnet"], "--images", own, "--data", small_archive, "--out", tmp_path / "m")
    assert "one person, got signers 0, 1 in" in _fail(capsys, *start)
    assert "--signer must be one of 0, 1, got '7'" in _fail(capsys, *start, "--signer", 7)
    mine = (*start, "--signer", 0)
    assert "--learning-rate must be more than 0" in _fail(capsys, *mine, "--learning-rate", 0)
    assert "--unfreeze must be 0 or more" in _fail(capsys, *mine, "--unfreeze", -1)
    assert "--unfreeze must be 0 to" in _fail(capsys, *mine, "--unfreeze", 99)
    same = (*mine[:-4], *mine[-2:], "--out", released["signnet"], "--force")
    assert "--out must be another folder" in _fail(capsys, *same)
    (tmp_path / "m").mkdir(exist_ok=True)
    (tmp_path / "m/model.json").write_text("{}")
    assert "model folder must be new" in _fail(capsys, *mine)
