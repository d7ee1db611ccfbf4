"""python -m target bench as a person runs it, on stand-ins for the board's libraries."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from host.graph.from_keras import from_keras
from host.graph.keras_file import load_keras_model
from host.quiet import import_keras
from host.runners.litert import convert
from host.runners.onnx_file import to_onnx
from host.runners.reference import save_reference
from target.__main__ import main
from target.errors import BackendError, ModelError
from target.manifest import Manifest, load_manifest
from target.runners.dpu import DpuRunner
from target.runners.table import NAMES, RunnerOptions, make_baseline, make_runner
from target.schema import load_schema
from tests.board_stand_ins.install import StandInBoard
from tests.released import reference_of_released

FEW = ("--queries", "20", "--duration", "0", "--warmup", "1", "--throughput-threads", "0")
QUICK = (*FEW, "--no-energy")


@pytest.fixture(scope="module")
def signnet(released: dict[str, Path]) -> Manifest:
    return load_manifest(released["signnet"])


@pytest.fixture(scope="module")
def exported(signnet: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What python -m host export makes, with 12 images and without LiteRT's files."""
    folder = tmp_path_factory.mktemp("exported")
    save_reference(reference_of_released(signnet, 12), signnet, folder / "reference.npz")
    graph = from_keras(load_keras_model(signnet.file("float")))
    (folder / "float.onnx").write_bytes(to_onnx(graph))
    return folder


def _bench(signnet: Manifest, exported: Path, runners: str, *more: str) -> int:
    options = ("--model", str(signnet.folder), "--baselines", str(exported), "--runners", runners)
    return main(["bench", *options, *QUICK, *more])


def _records(out: str) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = json.loads(out)["records"]
    for record in records:
        Draft202012Validator(load_schema("record")).validate(record)
    return records


def test_bench_measures_the_runners_in_their_order(
    signnet: Manifest, exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "records.json"
    runners = "null, opencv-dnn,onnxruntime,null"
    assert _bench(signnet, exported, runners, "--json", "--out", str(out)) == 0
    captured = capsys.readouterr()
    null, opencv, onnx = _records(captured.out)
    assert [record["runner"] for record in (null, opencv, onnx)] == [
        "null",
        "opencv-dnn",
        "onnxruntime",
    ]
    assert captured.err.splitlines() == [
        f"measuring signnet on {name}" for name in ("null", "opencv-dnn", "onnxruntime")
    ]
    assert _records(out.read_text(encoding="utf-8")) == [null, opencv, onnx]
    assert (null["accuracy"], null["images"], null["frames"]) == (None, 12, 20)
    for record in (opencv, onnx):
        assert (record["kind"], record["accuracy"], record["codes_identical"]) == (
            "measured",
            1.0,
            None,
        )
        assert record["agreement"]["agree"] == 12 and record["threads"] == 1
        assert not record["valid"] and "too few samples: 20 of 1024 queries" in record["why"]
    assert opencv["dataset"] == (
        "sign-language-mnist.zip (1024 of 7172 images) (12 of 1024 images)"
    )


def test_bench_of_the_dpu_checks_its_codes_first(
    stand_in_board: StandInBoard,
    signnet: Manifest,
    exported: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _bench(signnet, exported, "dpu", "--vart-mode", "ref", "--json") == 0
    (record,) = _records(capsys.readouterr().out)
    assert (record["runner"], record["codes_identical"], record["accuracy"]) == ("dpu", True, 1.0)
    assert (record["kind"], record["device"]) == ("emulated", "AMD's CPU runner through VART")


def test_a_dpu_with_one_wrong_code_is_refused(
    stand_in_board: StandInBoard,
    signnet: Manifest,
    exported: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stand_in_board.change(wrong_output=24)

    def entered(*args: Any) -> None:
        raise AssertionError("the timing loop was entered")

    monkeypatch.setattr("target.measure.bench.run_single_stream", entered)
    assert _bench(signnet, exported, "dpu", "--vart-mode", "ref") == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "must give the DPU's codes on every image, got others on 12 of 12" in captured.err


def test_an_interpreter_without_vart_is_an_error_not_another_runner(
    signnet: Manifest, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _bench(signnet, exported, "dpu") == 1
    assert "error: vart must be installed for" in capsys.readouterr().err


def _copy(folder: Path, exported: Path, **content: bytes) -> Path:
    folder.mkdir()
    (folder / "reference.npz").write_bytes((exported / "reference.npz").read_bytes())
    for name, data in content.items():
        (folder / name.replace("_", ".")).write_bytes(data)
    return folder


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--runners", "fpga"), "runners must be of dpu, litert-float,.*, null, got 'fpga'"),
        (("--runners", ","), "runners must be of .*, got ','"),
        (("--runners", "null", "--queries", "0"), "--queries must be at least 1"),
        (("--runners", "null", "--duration", "nan"), "--duration 0 to 86400, .* got .*, nan"),
        (("--runners", "null", "--threads", "0"), "--threads 1 to 64, got 0, 0"),
        (("--runners", "null", "--model", "no-such"), "model folder must hold model.json"),
        (("--runners", "dpu", "--vart-mode", "fast"), "mode must be one of run, ref, got 'fast'"),
        (("--runners", "litert-int8"), "model must be a .tflite file, got '.*int8.tflite"),
    ],
    ids=["unknown", "none", "queries", "duration", "threads", "model", "vart-mode", "no-file"],
)
def test_a_wrong_option_is_one_line_with_the_choices(
    options: tuple[str, ...],
    message: str,
    stand_in_board: StandInBoard,
    signnet: Manifest,
    exported: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _bench(signnet, exported, "null", *options) == 1
    (line,) = [
        line for line in capsys.readouterr().err.splitlines() if not line.startswith("measuring")
    ]
    assert re.search(f"^error: .*{message}", line), line


def test_an_output_that_cannot_be_written_is_found_before_anything_is_measured(
    signnet: Manifest, exported: Path, read_only: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _bench(signnet, exported, "null", "--out", str(read_only / "a.json")) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: output folder must be writable")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not numpy", "reference must be an .npz file of python -m host export"),
        (None, "reference must belong to model .*run make export"),
    ],
    ids=["damaged", "of-another-model"],
)
def test_a_wrong_reference_is_refused(
    content: bytes | None,
    message: str,
    signnet: Manifest,
    released: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = released["tutorial"] / "golden" / "reference.npz"
    (tmp_path / "reference.npz").write_bytes(content or other.read_bytes())
    assert _bench(signnet, tmp_path, "null") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(message, line)


def test_the_models_own_reference_serves_where_there_is_no_other(
    signnet: Manifest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _bench(signnet, tmp_path, "null", "--json") == 0
    (record,) = _records(capsys.readouterr().out)
    assert record["images"] == 1024
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "model.json").write_bytes((signnet.folder / "model.json").read_bytes())
    assert main(["bench", "--model", str(bare), "--runners", "null", *QUICK]) == 1
    message = "benchmark must have a reference, got none at .*reference.npz; make it with"
    assert re.search(message, capsys.readouterr().err)


def test_a_baseline_without_its_folder_names_the_remedy(
    signnet: Manifest, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--model", str(signnet.folder), "--runners", "opencv-dnn"]
    assert main(["bench", *options, *QUICK]) == 1
    assert "runner 'opencv-dnn' must have a folder with float.onnx" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["opencv-dnn", "onnxruntime", "litert-float"])
@pytest.mark.parametrize("content", [b"", b"not a model"], ids=["empty", "text"])
def test_a_damaged_baseline_is_refused(
    name: str, content: bytes, signnet: Manifest, tmp_path: Path
) -> None:
    path = tmp_path / "model"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="model must be an? .(onnx|tflite) file.*, got"):
        make_baseline(name, path, signnet, 1)


@pytest.fixture(scope="module")
def smaller(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Baselines of a network for images of 14 x 14."""
    import_keras()
    import keras

    image = keras.Input((14, 14, 1), batch_size=1)
    scores = keras.layers.Dense(25, activation="softmax")(keras.layers.Flatten()(image))
    model = keras.Model(image, scores)
    folder = tmp_path_factory.mktemp("smaller")
    model.save(folder / "float.keras")
    (folder / "float.onnx").write_bytes(to_onnx(from_keras(model)))
    (folder / "float.tflite").write_bytes(
        convert(folder / "float.keras", False, np.zeros((0, 14, 14, 1), np.float32))
    )
    return folder


@pytest.mark.parametrize("name", ["opencv-dnn", "onnxruntime", "litert-float"])
def test_a_baseline_for_another_size_is_refused(
    name: str, signnet: Manifest, smaller: Path
) -> None:
    with pytest.raises(ModelError, match=r"model must take \(1, 28, 28, 1\) .*make export|OpenCV"):
        make_runner(name, signnet, RunnerOptions(baselines=smaller))


def test_make_runner_of_an_unknown_name_lists_the_known(signnet: Manifest) -> None:
    with pytest.raises(BackendError, match=f"runner must be one of {', '.join(NAMES)}, got 'gpu'"):
        make_runner("gpu", signnet)


def test_vart_never_sees_a_mode_it_would_abort_on(
    stand_in_board: StandInBoard, signnet: Manifest
) -> None:
    with pytest.raises(BackendError, match="VART's mode must be one of run, ref, got 'sim'"):
        DpuRunner(signnet, "sim")


def test_ctrl_c_in_the_middle_leaves_what_was_measured(
    signnet: Manifest, exported: Path, tmp_path: Path
) -> None:
    out = tmp_path / "records.json"
    command = [sys.executable, "-m", "target", "bench", "--model", str(signnet.folder)]
    options = ["--baselines", str(exported), "--out", str(out), "--throughput-threads", "0"]
    more = ["--runners", "null,opencv-dnn", "--duration", "2", "--no-energy"]
    with subprocess.Popen([*command, *options, *more], stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        lines = [child.stderr.readline() for _ in range(2)]
        child.send_signal(signal.SIGINT)
        rest = child.stderr.read()
        assert child.wait(60) == 130
    assert lines == ["measuring signnet on null\n", "measuring signnet on opencv-dnn\n"]
    assert rest == "interrupted\n"
    assert [record["runner"] for record in _records(out.read_text())] == ["null"]
    assert [path.name for path in tmp_path.iterdir()] == ["records.json"]
