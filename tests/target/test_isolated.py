"""The DPU runner in a child process: an abort, a hang or a kill there is an error here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from target.errors import BackendError, ModelError
from target.manifest import Manifest, load_manifest
from target.runners.aborts import describe_end, explain_end
from target.runners.isolated import IsolatedRunner
from target.runners.table import RunnerOptions, make_runner
from tests.board_stand_ins.install import StandInBoard


@pytest.fixture
def signnet(released: dict[str, Path]) -> Manifest:
    return load_manifest(released["signnet"])


def _first(manifest: Manifest) -> tuple[np.ndarray, np.ndarray]:
    with np.load(manifest.file("golden")) as golden:
        return golden["input"][:1].copy(), golden["output"][0]


def test_golden_vectors_through_a_child(stand_in_board: StandInBoard, signnet: Manifest) -> None:
    runner = make_runner("dpu", signnet, RunnerOptions(isolate=True))
    assert runner.device == "a stand-in for the DPU, in a process of its own"
    assert (runner.kind, runner.input.shape, runner.output.dtype) == (
        "emulated",
        (1, 28, 28, 1),
        "int8",
    )
    with np.load(signnet.file("golden")) as golden:
        for codes, expected in zip(golden["input"][:, None].copy(), golden["output"]):
            assert np.array_equal(runner.infer(codes)[0], expected)
    with pytest.raises(BackendError, match="input 'image_fix' must be int8"):
        runner.put(np.zeros((1, 28, 28, 1), np.float32))
    runner.close()
    runner.close()


def test_an_abort_is_one_line_with_vart_s_last_words(
    stand_in_board: StandInBoard, signnet: Manifest
) -> None:
    stand_in_board.change(timeout_after=2)
    runner = IsolatedRunner(signnet)
    codes, expected = _first(signnet)
    for _ in range(2):
        assert np.array_equal(runner.infer(codes)[0], expected)
    with pytest.raises(BackendError) as caught:
        runner.infer(codes)
    text = str(caught.value)
    assert "VART's process must go on, got SIGABRT (F" in text and "cu timeout!" in text
    assert "switch the board off and on" in text and "\n" not in text
    with pytest.raises(BackendError, match="got one that was closed or failed"):
        runner.infer(codes)


def test_a_device_that_never_answers_is_given_up(
    stand_in_board: StandInBoard, signnet: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in_board.change(hang_after=0)
    monkeypatch.setattr("target.runners.isolated._job_limit_s", lambda: 0.5)
    runner = IsolatedRunner(signnet)
    with pytest.raises(BackendError, match="must answer within 0.5 s, got no answer; the DPU is"):
        runner.infer(_first(signnet)[0])


@pytest.mark.slow
def test_a_child_that_is_killed_is_an_error(
    stand_in_board: StandInBoard, signnet: Manifest
) -> None:
    runner = IsolatedRunner(signnet)
    assert runner._child is not None
    os.kill(runner._child._process.pid, signal.SIGKILL)
    with pytest.raises(BackendError, match=r"must go on, got SIGKILL \(no message\)"):
        runner.infer(_first(signnet)[0])


def test_the_childs_own_errors_keep_their_kind(
    stand_in_board: StandInBoard, signnet: Manifest, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="model file must exist, got none"):
        IsolatedRunner(Manifest(tmp_path, signnet.content))
    stand_in_board.change(fingerprint="0x101000016010407")
    with pytest.raises(BackendError, match=r"\(Vitis AI 2.5\), got .* \(Vitis AI 3.0\)"):
        IsolatedRunner(signnet)


_HOLD = """
import sys, time
from pathlib import Path
from target.manifest import load_manifest
from target.runners.isolated import IsolatedRunner
runner = IsolatedRunner(load_manifest(Path(sys.argv[1])))
print(runner._child._process.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.slow
def test_the_child_ends_when_its_parent_is_killed(
    stand_in_board: StandInBoard, signnet: Manifest
) -> None:
    command = [sys.executable, "-c", _HOLD, str(signnet.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    for _ in range(600):
        if _ended(child):
            return
        time.sleep(0.05)
    raise AssertionError("the child is still there")


def _ended(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


def test_run_isolated_ends_with_one_line(
    stand_in_board: StandInBoard,
    signnet: Manifest,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from target.__main__ import main
    from target.opencv import cv2

    for number in range(4):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((64, 64, 3), 90, np.uint8))
    stand_in_board.change(timeout_after=2)
    options = ["--headless", "--quiet", "--isolate", "--warmup", "1"]
    assert main(["run", str(tmp_path), *options, "--model", str(signnet.folder)]) == 1
    errors = [line for line in capfd.readouterr().err.splitlines() if line.startswith("error:")]
    assert len(errors) == 1 and "cu timeout!" in errors[0]


@pytest.mark.parametrize(
    ("lines", "said", "remedy"),
    [
        (["F1 a.cpp:1] fingerprint check failure.", "*** Check failure stack trace: ***"],
         "F1 a.cpp:1] fingerprint check failure.", "compile the model for this DPU's fingerprint"),
        (["x", "F1121 21:00:00.0 1 dpu_controller.cpp:126] cu timeout! device_core_idx 0"],
         "cu timeout!", "switch the board off and on"),
        (["F1121 21:00:00.0 1 dpu_controller.cpp:52] Check failed: !get_factory_methods().empty()"],
         "get_factory_methods", "see that /etc/vart.conf names the firmware"),
        (["[UNILOG][FATAL][XIR_READ_PB_FAILURE][failed to read pb file] file = x"],
         "XIR_READ_PB_FAILURE", "compile the model again and copy it whole"),
        ([], "no message", "see python3 -m target check"),
    ],
)  # fmt: skip
def test_known_last_words_have_their_remedy(lines: list[str], said: str, remedy: str) -> None:
    text = explain_end(-6, lines)
    assert text.startswith("SIGABRT (") and said in text and remedy in text


def test_ends_by_name() -> None:
    assert [describe_end(code) for code in (3, -11, -64)] == ["exit 3", "SIGSEGV", "SIGRTMAX"]
