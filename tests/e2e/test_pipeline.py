"""The whole pipeline through its commands, on a small archive: train to report, and what can go wrong."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.__main__ import main
from host.commands.demo import main as demo
from host.data.hands.dataset import HELD_OUT
from target.manifest import load_manifest
from target.measure.record import read_records
from target.opencv import cv2

ROOT = Path(__file__).resolve().parent.parent.parent
Run = Callable[..., Any]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command that must succeed; returns its JSON."""

    def call(*args: object) -> Any:
        code = main([*map(str, args), "--json"])
        out, err = capsys.readouterr()
        assert code == 0, err
        return json.loads(out.splitlines()[-1])

    return call


@pytest.fixture
def fail(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that must fail with exit code 1; returns its one error line."""

    def call(*args: object) -> str:
        capsys.readouterr()
        code = main(list(map(str, args)))
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
        assert code == 1 and len(lines) == 1, (code, lines)
        return lines[0]

    return call


@pytest.fixture(scope="module")
def built(small_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model trained for a few epochs, quantized, compiled and evaluated through the commands."""
    folder = tmp_path_factory.mktemp("models") / "signnet"
    cache = folder.parent / "cache"
    common = ["--data", str(small_archive), "--cache", str(cache)]
    quickly = ["--batch-size", "16"]
    steps = [
        [
            "train",
            "--out",
            str(folder),
            "--epochs",
            "6",
            "--validation",
            "tail:48",
            "--rendered",
            "0",
            *quickly,
            *common,
        ],
        ["quantize", str(folder), "--count", "96", *common],
        ["compile", str(folder), *common],
        ["evaluate", str(folder), "--save", *common],
    ]
    for step in steps:
        assert main(step) == 0, step
    return folder


def test_training_leaves_model_history_and_picture(built: Path) -> None:
    names = {path.name for path in built.iterdir()}
    assert {"float.keras", "history.json", "train.json", "workshop"} <= names
    assert "checkpoint" not in names
    history = json.loads((built / "history.json").read_text())
    assert len(history["history"]["val_loss"]) == 6
    assert history["history"]["loss"][-1] < history["history"]["loss"][0]
    picture = cv2.imread(str(built / "workshop/curves.png"))
    assert picture.shape[1] > 800
    assert "Verdict" in (built / "workshop/page.html").read_text(encoding="utf-8")


def test_manifest_names_verified_files_and_its_training(built: Path) -> None:
    manifest = load_manifest(built)
    manifest.verify()
    assert set(manifest.content["files"]) == {"xmodel", "int8", "float", "golden"}
    assert manifest.content["training"]["source"] == "archive.zip"
    assert manifest.content["training"]["split"] == "tail:48"
    assert manifest.classes[9] is None and manifest.classes[10] == "K"
    assert manifest.content["accuracy"]["n"] == 144
    assert str(built) not in (built / "model.json").read_text()


def test_golden_vectors_are_the_emulators_and_cover_the_range(built: Path) -> None:
    with np.load(load_manifest(built).file("golden")) as golden:
        assert golden["input"].shape == (32, 28, 28, 1) and golden["input"].dtype == np.int8
        assert golden["output"].shape == (32, 25)
        assert golden["real"].sum() == 16
        random = golden["input"][~golden["real"]]
        assert random.min() == -128 and random.max() == 127


def test_evaluate_counts_every_image(built: Path, small_archive: Path, run: Run) -> None:
    result = run("evaluate", built, "--data", small_archive, "--cache", built.parent / "cache")
    confusion = np.array(result["confusion"])
    assert result["n"] == 144 == confusion.sum()
    assert result["int8_correct"] == np.trace(confusion)
    assert (
        sum(row["int8_correct"] for row in result["per_letter"].values()) == result["int8_correct"]
    )
    assert result["int8_correct"] > 72  # it has learned something
    assert list(result["per_letter"]) == list("ABCDEFGHIKLMNOPQRSTUVWXY")


def test_folder_of_photos_is_evaluated_too(built: Path, tmp_path: Path, run: Run) -> None:
    for letter in "AK":
        (tmp_path / letter).mkdir()
        cv2.imwrite(str(tmp_path / letter / "1.png"), np.full((300, 200, 3), 90, np.uint8))
    result = run("evaluate", built, "--data", tmp_path, "--no-float")
    assert result["n"] == 2 and result["float_correct"] is None
    assert result["per_letter"]["K"]["n"] == 1


def test_stream_of_test_images_through_the_emulator(
    built: Path, small_archive: Path, tmp_path: Path, run: Run
) -> None:
    video = tmp_path / "signs.avi"
    made = run("video", video, "--data", small_archive, "--letters", "HELLO")
    output = tmp_path / "out.avi"
    record = run("simulate", video, output, "--model", built, "--record", tmp_path / "r.json")
    read_records(record, "stdout")
    assert record["kind"] == "emulated" and record["runner"] == "emulator"
    assert record["frames"] == made["frames"] == 140 and record["dropped"] == 0
    assert {"p50", "p90", "p99"} <= set(record["stages"]["infer"])
    assert output.stat().st_size > 0
    assert json.loads((tmp_path / "r.json").read_text()) == record
    # A file's frames are taken one by one, unless somebody says that they follow one another.
    assert "sweep" not in record
    swept = run("simulate", video, "--model", built, "--sweep", "--headless", "--frames", 9)
    assert swept["sweep"] is True


@pytest.mark.slow  # the demo below does the same and more
def test_bench_and_report(built: Path, small_archive: Path, tmp_path: Path, run: Run) -> None:
    names = "emulator,litert-float,litert-int8,keras-cpu"
    document = run(
        *("bench", built, "--data", small_archive, "--runners", names, "--frames", 70),
        *("--warmup", 3, "--cache", tmp_path / "cache", "--out", tmp_path / "bench.json"),
    )
    records = read_records(document, "stdout")
    assert [record["runner"] for record in records] == names.split(",")
    assert {r["kind"] for r in records if r["runner"] == "emulator"} == {"emulated"}
    assert {r["kind"] for r in records if r["runner"] != "emulator"} == {"measured"}
    assert len({record["model"]["sha256"] for record in records}) == 1
    # The float runners answer alike; LiteRT's int8 is another quantization.
    by_name = {record["runner"]: record["accuracy"] for record in records}
    assert by_name["litert-float"] == by_name["keras-cpu"]
    written = run(
        "report", tmp_path / "bench.json", "--models", built, "--out", tmp_path / "report"
    )
    page = Path(written["html"]).read_text(encoding="utf-8")
    assert "<html" in page and "litert-int8" in page
    assert "| " in Path(written["markdown"]).read_text(encoding="utf-8")
    assert len(json.loads(Path(written["json"]).read_text())["records"]) == 4


def test_demo_does_everything_and_writes_only_where_told(
    small_archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("host.training.config._QUICK_SHARE", 0.02)
    assert demo(["--data", str(small_archive), "--epochs", "2", "--frames", "70"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["build", "reports"]
    written = {path.name for path in (tmp_path / "reports" / "latest").iterdir()}
    assert written == {"report.html", "report.json", "report.md"}
    records = json.loads((tmp_path / "reports/latest/report.json").read_text())["records"]
    stream = [record for record in records if record["task"] == "stream"]
    assert len(stream) == 1 and stream[0]["frames"] == 672 and stream[0]["accuracy"] is not None


@pytest.mark.slow
def test_demo_without_an_archive_uses_rendered_hands_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("host.commands.demo.RENDERED_IMAGES", 600)
    monkeypatch.setattr("host.commands.demo.HELD_OUT", replace(HELD_OUT, images=96))
    assert demo(["--epochs", "5", "--frames", "70"]) == 0
    log = capsys.readouterr().err
    assert "kaggle.com/datasets/datamunge" in log
    assert "this demo trains, tests and streams on RENDERED hands" in log
    damaged = tmp_path / "other" / "data"
    damaged.mkdir(parents=True)
    (damaged / "archive.zip").write_bytes(b"cut off")
    monkeypatch.chdir(damaged.parent)
    assert demo(["--epochs", "1"]) == 1  # what is there and faulty is an error, never replaced
    monkeypatch.chdir(tmp_path)
    shutil.rmtree(damaged.parent)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["build", "reports"]
    report = json.loads((tmp_path / "reports/latest/report.json").read_text())
    assert report["title"].endswith("on rendered hands")
    assert "on rendered hands" in (tmp_path / "reports/latest/report.html").read_text()
    stream = [record for record in report["records"] if record["task"] == "stream"]
    assert len(stream) == 1 and stream[0]["truth"]["holds"] == 24
    assert stream[0]["camera"]["clock"] == "virtual" and stream[0]["truth"]["lost"] == 0
    assert (tmp_path / "build/demo/signnet-hands/signnet-hands.xmodel").is_file()


def test_quantize_of_a_keras_file_with_images(built: Path, tmp_path: Path, run: Run) -> None:
    images = np.random.default_rng(3).integers(0, 256, (40, 28, 28, 1), dtype=np.uint8)
    np.savez(tmp_path / "images.npz", x=images)
    run(
        *("quantize", built / "float.keras", "--images", tmp_path / "images.npz", "--count", 40),
        *("--out", tmp_path / "out", "--name", "mine", "--outputs-for", tmp_path / "images.npz"),
    )
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        "mine_int.xmodel",
        "positions.json",
        "weights_int8.npz",
        "quantize.json",
        "outputs_int8.npz",
        "layers.json",
        "layers.md",
        "layers.png",
    }
    with np.load(tmp_path / "out/outputs_int8.npz") as outputs:
        assert outputs["image"].dtype == np.int8 and outputs["final_float"].shape == (40, 25)


def test_a_missing_archive_says_how_to_get_it(tmp_path: Path, fail: Callable[..., str]) -> None:
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "none.zip", tmp_path / "empty"):
        assert "kaggle.com/datasets/datamunge" in fail("data", "--data", path)
        assert "DATA=path/to/archive.zip" in fail("demo", "--data", path)
        assert "kaggle.com" in fail("train", "--data", path, "--out", tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_a_corrupted_archive_and_a_wrong_csv(tmp_path: Path, fail: Callable[..., str]) -> None:
    broken = tmp_path / "archive.zip"
    broken.write_bytes(b"PK\x03\x04 and then nothing")
    assert "archive must be a complete zip file" in fail("data", "--data", broken)
    (tmp_path / "sign_mnist_train.csv").write_text("a,b\n1,2\n")
    (tmp_path / "sign_mnist_test.csv").write_text("a,b\n1,2\n")
    broken.unlink()
    assert "header must have 785 columns" in fail(
        "train", "--data", tmp_path, "--out", tmp_path / "m"
    )


def test_missing_files_name_the_command_that_makes_them(
    tmp_path: Path, small_archive: Path, fail: Callable[..., str]
) -> None:
    assert "run make train" in fail("quantize", tmp_path / "x.keras", "--data", small_archive)
    assert "run make quantize" in fail("compile", tmp_path)
    assert "run make compile" in fail("evaluate", tmp_path, "--data", small_archive)
    assert "run make compile" in fail("simulate", "x.avi", "--headless", "--model", tmp_path)


def test_a_read_only_output_folder(
    built: Path, small_archive: Path, read_only: Path, fail: Callable[..., str]
) -> None:
    data = ("--data", small_archive)
    assert "output folder must be writable" in fail(
        "train", "--out", read_only / "m", *data, "--rendered", 0
    )
    assert "output folder must be writable" in fail(
        "quantize", built, "--out", read_only / "q", *data, "--count", 10
    )
    assert "output folder must be writable" in fail("compile", built, "--out", read_only / "c")
    assert "output folder must be writable" in fail(
        "simulate", *("--model", built), *(built / "workshop/curves.png", read_only / "o.avi")
    )


def test_a_changed_weight_is_noticed(built: Path, tmp_path: Path, fail: Callable[..., str]) -> None:
    for path in built.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    content = bytearray((tmp_path / "signnet.xmodel").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "signnet.xmodel").write_bytes(bytes(content))
    line = fail("simulate", built / "workshop/curves.png", "--headless", "--model", tmp_path)
    assert "model file must have sha256" in line and "copy it again" in line


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--network", "resnet"], "network must be one of"),
        (["--learning-rate", "0"], "--learning-rate must be more than 0, got 0"),
        (["--validation", "some"], "validation must be 'tail:N', 'photo:SHARE' or"),
        (["--validation", "tail:999999"], "validation rows must be 1-575"),
    ],
    ids=["network", "rate", "rule", "tail"],
)
def test_wrong_training_options(
    small_archive: Path, tmp_path: Path, fail: Callable[..., str], options: list[str], message: str
) -> None:
    alone = ("--data", small_archive, "--rendered", 0)
    line = fail("train", *alone, "--out", tmp_path / "m", *options)
    assert message in line


def test_a_trained_model_is_not_overwritten_without_force(
    built: Path, small_archive: Path, fail: Callable[..., str]
) -> None:
    before = (built / "float.keras").read_bytes()
    assert "use --force" in fail("train", "--data", small_archive, "--out", built)
    assert (built / "float.keras").read_bytes() == before


def _start(*args: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "host", *map(str, args)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def _interrupt_when(
    process: subprocess.Popen[str], ready: Callable[[], bool]
) -> tuple[int, str, str]:
    deadline = time.monotonic() + 60
    while not ready() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    for _ in range(3):  # nobody presses once
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


def test_ctrl_c_in_training_leaves_a_run_that_continues(
    small_archive: Path, tmp_path: Path
) -> None:
    common = [
        "--data",
        small_archive,
        "--rendered",
        "0",
        "--validation",
        "tail:48",
        "--cache",
        tmp_path / "cache",
    ]
    options = ["--out", tmp_path / "m", "--epochs", 60, *common]
    state = tmp_path / "m" / "checkpoint" / "state.json"
    code, _, err = _interrupt_when(_start("train", *options), state.is_file)
    assert code == 130 and err.splitlines()[-1] == "interrupted" and "Traceback" not in err
    assert not (tmp_path / "m" / "float.keras").exists()
    assert not list((tmp_path / "m").rglob(".*"))  # no temporary file
    done = json.loads(state.read_text())["progress"]["epoch"]
    again = _start("train", *options)
    code, _, err = _interrupt_when(
        again, lambda: json.loads(state.read_text())["progress"]["epoch"] > done
    )
    assert f"continuing after epoch {done} of 60" in err
    other = _start("train", "--out", tmp_path / "m", "--epochs", 61, *common)
    _, err = other.communicate(timeout=60)
    assert other.returncode == 1 and "start anew with --force" in err


def test_ctrl_c_in_streaming_keeps_record_and_video(built: Path, tmp_path: Path) -> None:
    video = tmp_path / "long.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter_fourcc(*"MJPG"), 30.0, (640, 480))
    for _ in range(3000):
        writer.write(np.full((480, 640, 3), 80, np.uint8))
    writer.release()
    output = tmp_path / "out.avi"
    process = _start("simulate", video, output, "--model", built, "--json")
    partial = lambda: any(p.stat().st_size > 50_000 for p in tmp_path.glob(".out-*"))  # noqa: E731
    code, out, err = _interrupt_when(process, partial)
    assert code == 130 and "Traceback" not in err
    record = json.loads(out.splitlines()[-1])
    assert 0 < record["frames"] < 3000
    assert output.is_file() and not list(tmp_path.glob(".out-*"))
    assert record["outputs"][0]["error"] is None


def test_a_reader_that_stopped_reading_does_not_keep_the_program(
    built: Path, tmp_path: Path
) -> None:
    options = ["hands://A?repeat=0", "json://every", "--model", built, "--json"]
    process = _start("simulate", *options)
    assert process.stdout is not None

    def waiting() -> int:
        return struct.unpack("i", fcntl.ioctl(process.stdout, termios.FIONREAD, bytes(4)))[0]  # type: ignore[arg-type, no-any-return]

    deadline, before = time.monotonic() + 60, -1
    while (waiting() < 40_000 or waiting() != before) and time.monotonic() < deadline:
        before = waiting()
        time.sleep(2)  # sixty lines are due in it
    process.send_signal(signal.SIGTERM)
    code = process.wait(timeout=30)
    err = process.communicate()[1]
    assert code == 143 and "stdout must be read, got no reader" in err and "Traceback" not in err
    assert "output lines must end within" in err
