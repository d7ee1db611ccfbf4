from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.__main__ import main
from host.runners.reference import take
from target.errors import DataError
from target.manifest import Manifest, load_manifest
from target.measure.accuracy import check_accuracy
from target.measure.reference import load_reference
from target.runners.table import RunnerOptions, make_runner
from target.vision.preprocess import Preprocessor
from tests.target.stand_ins import reference_of


@pytest.fixture(scope="module")
def signnet(released: dict[str, Path]) -> Manifest:
    return load_manifest(released["signnet"])


def _export(
    capsys: pytest.CaptureFixture[str], model: Path, data: Path, cache: Path, *more: object
) -> dict[str, Any]:
    command = ["export", model, "--data", data, "--cache", cache, "--json", *more]
    assert main([*map(str, command)]) == 0
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def test_export_writes_all_the_board_needs(
    signnet: Manifest,
    small_archive: Path,
    cache: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "board"
    result = _export(capsys, signnet.folder, small_archive, cache, "--out", out)
    names = ["reference.npz", "float.tflite", "int8.tflite", "float.onnx"]
    assert result == {"files": [str(out / name) for name in names], "images": 144}
    assert sorted(path.name for path in out.iterdir()) == sorted(names)
    reference = load_reference(out / "reference.npz", signnet)
    assert reference.source == "archive.zip"
    image = next(iter(reference.images))
    for name in ("litert-float", "litert-int8", "onnxruntime", "opencv-dnn"):
        runner = make_runner(name, signnet, RunnerOptions(baselines=out))
        output = runner.infer(Preprocessor(signnet, runner.input)(image))
        assert output.shape == (1, 25) and runner.output.dtype == str(output.dtype)
        if name != "litert-int8":  # these patterns are no letters; int8 may read them otherwise
            found = check_accuracy(runner, signnet, reference)
            assert found["agreement"]["disagreements"] == []
        runner.close()


def test_export_of_the_reference_alone_spreads_the_images(
    signnet: Manifest,
    small_archive: Path,
    cache: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ("--reference-only", "--out")
    _export(capsys, signnet.folder, small_archive, cache, *options, tmp_path / "all")
    few = _export(
        capsys, signnet.folder, small_archive, cache, *options, tmp_path / "few", "--images", 10
    )
    assert few == {"files": [str(tmp_path / "few" / "reference.npz")], "images": 10}
    whole = load_reference(tmp_path / "all" / "reference.npz", signnet)
    part = load_reference(tmp_path / "few" / "reference.npz", signnet)
    assert part.source == "archive.zip (10 of 144 images)"
    assert part.codes is not None and whole.codes is not None
    # 144 * i // 10
    rows = [0, 14, 28, 43, 57, 72, 86, 100, 115, 129]
    assert np.array_equal(part.images, whole.images[rows])
    assert np.array_equal(part.codes, whole.codes[rows])
    assert np.array_equal(part.labels, whole.labels[rows])


def test_take_of_as_many_or_more_is_all() -> None:
    reference = reference_of([0, 1, 2])
    assert take(reference, 3) is reference and take(reference, 4) is reference
    assert take(reference, 2).labels.tolist() == [0, 1]


def test_a_reference_belongs_to_its_model(
    signnet: Manifest,
    released: dict[str, Path],
    small_archive: Path,
    cache: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ("--reference-only", "--out", tmp_path)
    _export(capsys, signnet.folder, small_archive, cache, *options)
    with pytest.raises(DataError, match="reference must belong to model .*run make export"):
        load_reference(tmp_path / "reference.npz", load_manifest(released["tutorial"]))


@pytest.mark.parametrize("count", ["0", "-3", "many"])
def test_export_of_no_images_is_wrong_usage(count: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["export", "models/signnet", "--out", "x", "--images", count])
    assert ended.value.code == 2 and "--images" in capsys.readouterr().err


def test_export_finds_an_unwritable_folder_first(
    signnet: Manifest, read_only: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["export", str(signnet.folder), "--data", "no-such-archive"]
    assert main([*command, "--out", str(read_only)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: output folder must be writable")
