"""The VART runner on stand-ins for xir and vart that abort the process where the real libraries do."""

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

from target.commands.run import open_bare
from target.errors import BackendError, ModelError
from target.manifest import Manifest, load_manifest
from target.runners.dpu import DpuRunner
from target.runners.releases import RELEASES
from target.runners.table import make_runner
from tests.board_stand_ins.install import StandInBoard


@pytest.fixture
def signnet(released: dict[str, Path]) -> Manifest:
    return load_manifest(released["signnet"])


def _golden(manifest: Manifest) -> list[tuple[np.ndarray, np.ndarray]]:
    with np.load(manifest.file("golden")) as golden:
        return list(zip(golden["input"][:, None].copy(), golden["output"]))


def test_golden_vectors_through_vart(stand_in_board: StandInBoard, signnet: Manifest) -> None:
    runner = make_runner("dpu", signnet)
    assert (runner.kind, runner.device) == ("emulated", "a stand-in for the DPU")
    vectors = _golden(signnet)
    assert len(vectors) == 32
    for codes, expected in vectors:
        assert np.array_equal(runner.infer(codes)[0], expected)
    runner.close()


def test_cpu_mode_runs_the_same_file_without_asking_for_a_device(
    stand_in_board: StandInBoard, signnet: Manifest
) -> None:
    stand_in_board.change(cores=0)
    runner = DpuRunner(signnet, mode="ref")
    assert (runner.kind, runner.device) == ("emulated", "AMD's CPU runner through VART")
    codes, expected = _golden(signnet)[0]
    assert np.array_equal(runner.infer(codes)[0], expected)


def test_vart_reads_the_callers_own_array(stand_in_board: StandInBoard, signnet: Manifest) -> None:
    runner = DpuRunner(signnet)
    (first, expected), (second, other) = _golden(signnet)[:2]
    tensor = first.copy()
    runner.put(tensor)
    tensor[...] = second  # after put: a copy would not show it
    runner.execute()
    assert np.array_equal(runner.take()[0], other) and not np.array_equal(other, expected)


def test_jobs_run_on_several_runners_and_give_the_codes_of_their_own_images(
    stand_in_board: StandInBoard, signnet: Manifest, tmp_path: Path
) -> None:
    stand_in_board.change(log=str(tmp_path / "log"))
    runner = DpuRunner(signnet)
    vectors = _golden(signnet)[:8]
    tickets = [runner.submit(codes) for codes, _ in vectors]
    for ticket, (_, expected) in zip(tickets, vectors):
        assert np.array_equal(runner.collect(ticket)[0], expected)
    runner.close()
    lines = (tmp_path / "log").read_text().splitlines()
    assert [line.split()[0] for line in lines].count("runner") == 2
    assert [line.split()[0] for line in lines].count("job") == 8


def test_a_job_that_vart_ends_with_an_error(
    stand_in_board: StandInBoard, signnet: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = DpuRunner(signnet)
    codes = np.zeros((1, 28, 28, 1), np.int8)
    runner.infer(codes)
    monkeypatch.setattr(sys.modules["vart"].Runner, "wait", lambda self, job: 5)
    failing = DpuRunner(signnet)
    message = "VART must end a job with 0, got 5 from subgraph 'subgraph_conv1a'"
    with pytest.raises(BackendError, match=message):
        failing.infer(codes)
    with pytest.raises(BackendError, match=message):
        failing.collect(failing.submit(codes))
    failing.close()


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.zeros((1, 28, 28, 1), np.float32),
        lambda: np.zeros((1, 32, 32, 1), np.int8),
        lambda: np.zeros((1, 28, 28, 2), np.int8)[..., :1],
        lambda: np.frombuffer(bytes(784), np.int8).reshape(1, 28, 28, 1),
    ],
    ids=["float32", "shape", "strided", "read-only"],
)
def test_a_wrong_array_is_refused_before_vart_sees_it(
    stand_in_board: StandInBoard, signnet: Manifest, make: Any
) -> None:
    runner = DpuRunner(signnet)
    with pytest.raises(BackendError, match=r"input 'image_fix' must be"):
        runner.infer(make())


def test_a_builtin_model_is_refused_on_a_real_dpu_with_the_remedy(
    stand_in_board: StandInBoard, signnet: Manifest
) -> None:
    stand_in_board.change(device=None, needs_instructions=True)
    with pytest.raises(
        BackendError, match="must hold DPU instructions.*'builtin'.*TOOLCHAIN=vitis.*host simulate"
    ):
        make_runner("dpu", signnet)


@pytest.mark.parametrize(
    ("fingerprint", "release", "container"),
    [
        ("0x101000016010407", "2.5", "2.5"),
        ("0x1000020f6014407", "1.4 to 2.0", "2.0"),
    ],
)
def test_another_fingerprint_names_both_releases_and_what_recompiles(
    stand_in_board: StandInBoard,
    signnet: Manifest,
    fingerprint: str,
    release: str,
    container: str,
) -> None:
    stand_in_board.change(fingerprint=fingerprint)
    with pytest.raises(BackendError) as caught:
        DpuRunner(signnet)
    text = str(caught.value)
    assert f"compiled for this DPU, {fingerprint} (Vitis AI {release})" in text
    assert "got 0x101000056010407 (Vitis AI 3.0) in subgraph 'subgraph_conv1a' of" in text
    assert f'make quantize compile TOOLCHAIN=vitis VITIS="--release {container}"' in text
    assert "boot the board image of Vitis AI 3.0" in text


def test_the_runner_and_the_compiler_know_the_same_fingerprints() -> None:
    from host.dpu.arch import ARCHS

    assert set(RELEASES) == {arch.fingerprint for arch in ARCHS}


def test_a_changed_file_is_refused_before_it_is_loaded(
    signnet: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "signnet.xmodel").write_bytes(signnet.xmodel.read_bytes()[:-1])
    monkeypatch.setitem(sys.modules, "xir", None)
    with pytest.raises(ModelError, match="must have sha256"):
        DpuRunner(Manifest(tmp_path, signnet.content))


@pytest.mark.parametrize("missing", ["vart", "xir"])
def test_a_missing_library_names_interpreter_and_remedy(
    stand_in_board: StandInBoard,
    signnet: Manifest,
    monkeypatch: pytest.MonkeyPatch,
    missing: str,
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.delenv("PYTHONPATH")  # no other interpreter has it either
    monkeypatch.setenv("PATH", "/usr/bin")
    with pytest.raises(
        BackendError, match=f"{missing} must be installed for .*python.*host simulate"
    ):
        DpuRunner(signnet)


def test_a_missing_library_names_the_interpreter_that_has_it(
    stand_in_board: StandInBoard, signnet: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vart", None)
    monkeypatch.delenv("PYTHONPATH")
    monkeypatch.setenv("PATH", str(stand_in_board.python.parent))
    expected = f"{stand_in_board.python} has it: run {stand_in_board.python} -m target"
    with pytest.raises(BackendError, match=expected):
        DpuRunner(signnet)


def test_a_fix_point_that_is_not_the_manifests(
    stand_in_board: StandInBoard, signnet: Manifest
) -> None:
    content = {**signnet.content, "input": {**signnet.content["input"], "fix_point": 5}}
    with pytest.raises(ModelError, match="must have the manifest's fix_point 5, got 6"):
        DpuRunner(Manifest(signnet.folder, content))


def test_a_file_without_manifest_is_first_loaded_in_a_child_process(
    stand_in_board: StandInBoard, signnet: Manifest, tmp_path: Path
) -> None:
    good, bad, empty = (tmp_path / f"{name}.xmodel" for name in ("good", "bad", "empty"))
    good.write_bytes(signnet.xmodel.read_bytes())
    bad.write_bytes(b"not a model")
    empty.write_bytes(b"")
    manifest = open_bare(good)
    assert manifest.classes == signnet.classes and manifest.input_fix_point == 6
    codes, expected = _golden(signnet)[0]
    assert np.array_equal(DpuRunner(manifest).infer(codes)[0], expected)
    with pytest.raises(ModelError, match=r"an .xmodel that xir loads, got SIGABRT .*READ_PB"):
        open_bare(bad)
    with pytest.raises(ModelError, match=r"model must have one input and one output, got 0 and 0"):
        open_bare(empty)
    with pytest.raises(ModelError, match="model must be a file, got none"):
        open_bare(tmp_path / "none.xmodel")


def test_without_vart_the_command_points_to_the_emulator(
    capsys: pytest.CaptureFixture[str], signnet: Manifest
) -> None:
    from target.__main__ import main

    code = main(["run", "0", "--headless", "--model", str(signnet.folder)])
    err = capsys.readouterr().err
    assert code == 1 and "python -m host simulate" in err and len(err.splitlines()) == 1


# Runs each case in a child of its own: g is the graph, s its DPU subgraph, a and o are arrays.
_ABORTS = """
import json, os, sys
import numpy as n
import vart, xir
g = xir.Graph.deserialize(sys.argv[1])
s = g.get_root_subgraph().toposort_child_subgraph()[1]
a, o = n.zeros((1, 28, 28, 1), "i1"), n.zeros((1, 25), "i1")
run = lambda mode, *given: vart.Runner.create_runner(s, mode).execute_async(*given)
ends = []
for number, case in enumerate(json.loads(sys.argv[2])):
    child = os.fork()
    if not child:
        os.dup2(os.open(f"{sys.argv[3]}/{number}", os.O_WRONLY | os.O_CREAT), 2)
        exec(case)
        os._exit(0)
    ends.append(os.WTERMSIG(os.waitpid(child, 0)[1]))
print(json.dumps(ends))
"""
_CASES = {
    "xir.Graph.deserialize('/none')": r"\[XIR_READ_PB_FAILURE\].*file = /none",
    "s.get_attr('nope')": "Attrs doesn't contain attribute nope",
    "vart.Runner.create_runner(None, 'run')": "Invalid subgraph!",
    "vart.Runner.create_runner(s)": "Cannot find runner for mode ! subgraph name: subgraph_conv1a",
    "vart.Runner.create_runner(s, 'sim')": "cannot open library! lib=libvart-sim-runner.so",
    "vart.Runner.create_runner(g.get_root_subgraph(), 'run')": "may not be compiled! .*: root",
    "run('run', [a.astype('u1')], [o])": r"runner_py_module.cpp:175\] .*unsupported data type",
    "run('ref', [a.astype('f4')], [o])": "tensor buffer with continuous memory region",
    "run('run', [], [o])": "input tensor is empty!",
    "run('run', [a[:, :5]], [o])": "out of bounds",
}


def test_the_stand_ins_abort_where_amds_libraries_do(
    stand_in_board: StandInBoard, signnet: Manifest, tmp_path: Path
) -> None:
    command = [str(stand_in_board.python), "-c", _ABORTS, str(signnet.xmodel)]
    done = subprocess.run(
        [*command, json.dumps(list(_CASES)), str(tmp_path)], capture_output=True, check=True
    )
    assert json.loads(done.stdout) == [signal.SIGABRT] * len(_CASES)
    for number, message in enumerate(_CASES.values()):
        assert re.search(message, (tmp_path / str(number)).read_text())


@pytest.mark.board
def test_golden_vectors_on_the_board(signnet: Manifest) -> None:
    pytest.importorskip("vart", reason="needs a ZCU104 with VART")
    runner = make_runner("dpu", signnet)
    for codes, expected in _golden(signnet):
        assert np.array_equal(runner.infer(codes)[0], expected)
