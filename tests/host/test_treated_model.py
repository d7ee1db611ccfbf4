"""A model whose gray levels are treated sees them treated everywhere, and the same everywhere."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from host.__main__ import main
from host.data.load import load_test_samples
from host.runners.answers import Answers
from host.runners.emulator import EmulatorRunner
from host.runners.reference import make_reference
from host.runners.table import RunnerNeeds, make_runner
from target.manifest import Manifest, load_manifest
from target.vision.preprocess import Preprocessor
from target.vision.treatment import NORMALIZE, treat


@pytest.fixture(scope="module")
def model(small_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    folder = tmp_path_factory.mktemp("treated") / "intro"
    common = ["--data", str(small_archive), "--cache", str(folder.parent / "cache"), "--quiet"]
    options = ["--network", "intro", "--epochs", "8", "--treatment", "normalize"]
    options += ["--batch-size", "16"]
    assert main(["train", "--out", str(folder), "--validation", "tail:48", *options, *common]) == 0
    assert main(["quantize", str(folder), "--count", "96", *common]) == 0
    assert main(["compile", str(folder), *common]) == 0
    return load_manifest(folder)


@pytest.fixture(scope="module")
def images(small_archive: Path) -> np.ndarray:
    """Dim images: what treating changes most."""
    return (load_test_samples(small_archive, None).images // 3).astype(np.uint8)


def test_the_manifest_says_what_the_training_did(model: Manifest) -> None:
    assert model.treatment == NORMALIZE
    facts = json.loads((model.folder / "train.json").read_text())
    assert facts["input"]["treatment"] == NORMALIZE.describe()
    assert model.temperature == facts["temperature"] > 0


def test_every_way_to_the_int8_model_is_the_same(model: Manifest, images: np.ndarray) -> None:
    runner = EmulatorRunner(model)
    preprocess = Preprocessor(model, runner.input)
    one_by_one = np.stack([runner.infer(preprocess(image)).reshape(-1) for image in images])
    logits = Answers(model).logits(images)
    np.testing.assert_array_equal(logits["int8"], one_by_one * np.float32(runner.output.scale))
    # dim images differ from bright ones by rounding alone
    bright = Answers(model, with_float=False).logits(images * 3)["int8"]
    assert (bright.argmax(axis=1) == logits["int8"].argmax(axis=1)).mean() > 0.95


def test_reference_and_baselines_see_the_same(
    model: Manifest, images: np.ndarray, small_archive: Path, tmp_path: Path
) -> None:
    samples = load_test_samples(small_archive, None)
    reference = make_reference(samples, model, None)
    assert reference.codes is not None
    runner = EmulatorRunner(model)
    preprocess = Preprocessor(model, runner.input)
    for image, codes in zip(samples.images, reference.codes):
        np.testing.assert_array_equal(runner.infer(preprocess(image)).reshape(-1), codes)
    needs = RunnerNeeds(1, samples.images[:96], tmp_path)
    floats = Answers(model).logits(samples.images)["float"]
    for name in ("litert-float", "litert-int8"):
        baseline = make_runner(name, model, needs)
        see = Preprocessor(model, baseline.input)
        answers = [int(baseline.infer(see(image)).argmax()) for image in samples.images]
        assert (np.array(answers) == floats.argmax(axis=1)).mean() > 0.9


def test_golden_vectors_are_of_treated_images(model: Manifest, small_archive: Path) -> None:
    with np.load(model.file("golden")) as golden:
        real = golden["input"][golden["real"]]
    runner = EmulatorRunner(model)
    preprocess = Preprocessor(model, runner.input)
    possible = {
        preprocess(image)[0].tobytes() for image in load_test_samples(small_archive, None).images
    }
    assert len(real) == 16 and all(codes.tobytes() in possible for codes in real)


def test_images_of_a_file_are_treated_too(
    model: Manifest, images: np.ndarray, tmp_path: Path
) -> None:
    np.savez(tmp_path / "raw.npz", x=images[:96, ..., None])
    treated = np.stack([treat(image, NORMALIZE) for image in images[:96]])
    np.savez(tmp_path / "ready.npz", x=treated[..., None].astype(np.float32) / np.float32(255))
    positions = []
    for name in ("raw", "ready"):
        out = tmp_path / name
        options = ["--images", str(tmp_path / f"{name}.npz"), "--count", "96", "--no-report"]
        assert main(["quantize", str(model.folder), "--out", str(out), "--quiet", *options]) == 0
        positions.append((out / "positions.json").read_text())
    assert positions[0] == positions[1]


def test_going_on_in_int8_keeps_treatment_and_split(
    model: Manifest, small_archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--data", str(small_archive), "--cache", str(tmp_path / "cache")]
    start = ["train", "--quantization-aware", str(model.folder), "--out", str(tmp_path / "a")]
    for option in (["--treatment", "none"], ["--optimizer", "sgd"], ["--quick"]):
        assert main([*start, *common, *option]) == 1
        assert f"got {option[0]}" in capsys.readouterr().err
    assert main([*start, *common, "--epochs", "1", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["input"]["treatment"] == NORMALIZE.describe()
    assert facts["quantization_aware"]["config"]["validation"] == "tail:48"
    assert facts["quantization_aware"]["config"]["treatment"]["rule"] == "normalize"
    assert 0.2 <= facts["temperature"] <= 5


def test_a_mixture_is_not_validated_on_its_last_set(small_archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "t"
    common = ["--data", str(small_archive), "--cache", str(tmp_path / "cache"), "--quiet"]
    options = ["--network", "tutorial", "--rendered", "0.3", "--epochs", "1"]
    assert main(["train", "--out", str(out), *options, *common]) == 0
    facts = json.loads((out / "train.json").read_text())
    assert facts["config"]["validation"] == "photo:0.1"
    assert set(facts["config"]["mix"]) == set(facts["data"]["parts"]) == {"photos", "hands"}
