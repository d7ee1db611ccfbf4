from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from host.__main__ import main
from host.commands.bench import DEFAULT_RUNNERS
from host.runners.baselines import baseline_file
from host.runners.emulator import EmulatorRunner
from host.runners.table import NAMES
from target.errors import ModelError
from target.manifest import Manifest, load_manifest
from target.measure.bench import bench
from target.measure.reference import Reference
from target.measure.single_stream import BenchConfig
from target.runners.table import make_baseline
from target.schema import load_schema
from tests.released import reference_of_released

QUICK = ("--queries", "20", "--duration", "0", "--warmup", "1", "--throughput-threads", "0")
FEW = 200  # images; enough to tell models apart


@pytest.fixture
def models(released: dict[str, Path]) -> dict[str, Manifest]:
    return {name: load_manifest(folder) for name, folder in released.items()}


def test_bench_measures_all_models_on_the_same_images(
    released: dict[str, Path],
    small_archive: Path,
    cache: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "records.json"
    folders = [str(released[name]) for name in ("signnet", "tutorial")]
    options = ("--data", str(small_archive), "--cache", str(cache), "--out", str(out), "--json")
    runners = ("--runners", "emulator,opencv-dnn,null", "--no-energy")
    assert main(["bench", *folders, *options, *runners, *QUICK]) == 0
    records: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["records"]
    assert json.loads(out.read_text(encoding="utf-8")) == {"records": records}
    assert [(record["model"]["name"], record["runner"]) for record in records] == [
        (model, runner)
        for model in ("signnet", "tutorial")
        for runner in ("emulator", "opencv-dnn", "null")
    ]
    for record in records:
        Draft202012Validator(load_schema("record")).validate(record)
        assert (record["frames"], record["images"]) == (20, 144)
        assert record["dataset"] == "archive.zip" and record["energy"] is None
        assert record["kind"] == ("emulated" if record["runner"] == "emulator" else "measured")
        identical = {"emulator": True, "opencv-dnn": None, "null": None}[record["runner"]]
        assert record["codes_identical"] is identical


def test_a_damaged_cache_is_made_anew(
    released: dict[str, Path],
    small_archive: Path,
    cache: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["bench", str(released["signnet"]), "--data", str(small_archive)]
    more = ["--cache", str(cache), "--runners", "emulator", "--json", *QUICK, "--no-energy"]
    assert main([*command, *more]) == 0
    (path,) = cache.glob(f"reference-{load_manifest(released['signnet']).sha256[:12]}-*.npz")
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    assert main([*command, *more]) == 0
    assert len(path.read_bytes()) == len(whole)
    for line in capsys.readouterr().out.splitlines():
        assert json.loads(line)["records"][0]["codes_identical"] is True


def _refused(make: Any, manifest: Manifest, reference: Reference, message: str) -> None:
    """Assert that a runner is refused and that the loop that takes times was never entered."""
    with pytest.MonkeyPatch.context() as patch:

        def entered(*args: object) -> None:
            raise AssertionError("something was timed")

        for name in ("run_single_stream", "measure_throughput", "measure_energy"):
            patch.setattr(f"target.measure.bench.{name}", entered)
        with pytest.raises(ModelError, match=f"{message}.*nothing was measured"):
            bench(make, manifest, reference, BenchConfig(threads=1))


def test_one_wrong_code_of_the_emulator_is_refused(models: dict[str, Manifest]) -> None:
    manifest = models["signnet"]
    reference = reference_of_released(manifest, FEW)
    assert reference.codes is not None
    codes = reference.codes.copy()
    codes[123, 4] ^= 1
    _refused(
        lambda: EmulatorRunner(manifest),
        manifest,
        dataclasses.replace(reference, codes=codes),
        r"got others on 1 of 200 \(first: image 123\)",
    )


@pytest.mark.parametrize("name", ["signnet", "tutorial"])
def test_the_emulator_of_another_model_is_refused(name: str, models: dict[str, Manifest]) -> None:
    other = models["tutorial" if name == "signnet" else "signnet"]
    _refused(
        lambda: EmulatorRunner(other),
        models[name],
        reference_of_released(models[name], FEW),
        "must give the DPU's codes on every image, got others on 200 of 200",
    )


@pytest.mark.parametrize("runner", ["onnxruntime", "opencv-dnn"])
@pytest.mark.parametrize("name", ["signnet", "tutorial"])
def test_a_baseline_with_the_weights_of_another_model_is_refused(
    name: str, runner: str, models: dict[str, Manifest], cache: Path
) -> None:
    other = models["tutorial" if name == "signnet" else "signnet"]
    path = baseline_file(runner, other, np.zeros((0,)), cache)
    _refused(
        lambda: make_baseline(runner, path, models[name], 1),
        models[name],
        reference_of_released(models[name], FEW),
        f"runner '{runner}' must give the float model's letter on at least 95% of 200 images",
    )


def test_baselines_agree_with_the_float_model(models: dict[str, Manifest], cache: Path) -> None:
    for manifest in models.values():
        reference = reference_of_released(manifest, FEW)
        for runner in ("onnxruntime", "opencv-dnn"):
            path = baseline_file(runner, manifest, np.zeros((0,)), cache)
            record = bench(
                lambda runner=runner, path=path, manifest=manifest: make_baseline(  # type: ignore[misc]
                    runner, path, manifest, 1
                ),
                manifest,
                reference,
                BenchConfig(5, 0, 0, energy=False),
            )
            assert record["agreement"]["disagreements"] == []
            assert record["agreement"]["agree"] == 200


def test_default_runners_need_no_gpu() -> None:
    assert set(DEFAULT_RUNNERS) == set(NAMES) - {"keras-gpu"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--runners", "dpu"), "runners must be of emulator, .* null, got 'dpu'"),
        (("--queries", "0"), "--queries must be at least 1"),
        (("--throughput-threads", "65"), "--throughput-threads must be 0 to 64"),
        (("--data", "no-such-archive"), "no-such-archive"),
    ],
    ids=["runner", "queries", "threads", "data"],
)
def test_bench_refuses_wrong_options_in_one_line(
    options: tuple[str, ...],
    message: str,
    released: dict[str, Path],
    small_archive: Path,
    cache: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["bench", str(released["signnet"]), "--data", str(small_archive)]
    assert main([*command, "--cache", str(cache), *options]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and re.search(message, line)


def test_bench_finds_an_unwritable_output_first(
    released: dict[str, Path], read_only: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["bench", str(released["signnet"]), "--data", "no-such-archive"]
    assert main([*command, "--out", str(read_only / "a.json")]) == 1
    assert capsys.readouterr().err.startswith("error: output folder must be writable")
