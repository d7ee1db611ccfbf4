"""quantize and compile with AMD's toolchain, up to the container and on from what it leaves."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.__main__ import main
from host.compiler.compile import compile_graph
from host.dpu.emulator import Emulator
from host.graph.from_keras import from_keras
from host.graph.graph import Graph
from host.graph.keras_file import load_keras_model
from host.quantizer.config import QuantConfig
from host.quantizer.quantize import quantize_graph
from host.vitis.config import VitisConfig
from host.vitis.dpu import wanted_dpu
from host.vitis.job import write_target
from host.vitis.network import make_portable
from host.xmodel.reader import read_xmodel
from host.xmodel.writer import write_xmodel
from target.errors import DataError
from target.manifest import load_manifest
from tests.host.vitis.h5_files import of_graph, write_h5

FINGERPRINT = 0x101000056010407
OWN = "0x101000056010406"
ROWS = 40
PREPARE = ["--toolchain", "vitis", "--only", "prepare"]


def _left_by_quantizer(job: Path, graph: Graph) -> None:
    """Leave in a job what AMD's quantizer does, computed by the builtin one."""
    with np.load(job / "evaluation.npz") as stored:
        images = stored["x"]
    folder = job / "quantized"
    folder.mkdir()
    write_h5(folder / "quantized.h5", of_graph(graph))
    name = graph.outputs()[0].tensor.name
    outputs = Emulator(graph).run({"image": images})[name]
    np.savez(folder / "outputs.npz", float=outputs, quantized=outputs)
    report = {
        "seconds": 1.5,
        "evaluation": {"n": len(images), "agreement": 1.0, "accuracy": None},
        "qat": None,
        "versions": {"vai_q_tensorflow2": "3.5.0", "tensorflow": "2.12.1"},
    }
    (folder / "report.json").write_text(json.dumps(report))


def _left_by_compiler(job: Path, graph: Graph, fingerprint: int = FINGERPRINT) -> None:
    folder = job / "compiled"
    folder.mkdir(exist_ok=True)
    part = graph.subgraphs("DPU")[0]
    part.attrs.update({"dpu_fingerprint": fingerprint, "mc_code": b"\x00\x40\x18\x01"})
    graph.attrs = {"origin": "tensorflow2"}
    write_xmodel(graph, folder / "net.xmodel")
    (folder / "meta.json").write_text('{"lib": "libvart-dpu-runner.so"}')
    (folder / "md5sum.txt").write_text("0\n")
    (folder / "report.json").write_text(json.dumps({"arch": {}, "command": []}))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, released: dict[str, Path]) -> Path:
    """A folder with a float model and its job, quantized as AMD's tool would."""
    folder = tmp_path_factory.mktemp("vitis") / "net"
    folder.mkdir()
    for name in ("float.keras", "train.json"):
        shutil.copy(released["signnet"] / name, folder)
    x = np.random.default_rng(0).integers(0, 256, (ROWS, 28, 28, 1), np.uint8)
    np.savez(folder / "images.npz", x=x)
    options = ["--images", str(folder / "images.npz"), "--count", "8", "--batch-size", "4"]
    options += ["--toolchain", "vitis", "--only", "prepare", "--json"]
    assert main(["quantize", str(folder), *options]) == 0
    with np.load(folder / "vitis" / "calibration.npz") as stored:
        images = stored["x"]
    graph = make_portable(from_keras(load_keras_model(folder / "float.keras")))
    quantized = quantize_graph(graph, images, QuantConfig(8, 4, match_vai_q=True)).graph
    _left_by_quantizer(folder / "vitis", quantized)
    return folder


@pytest.fixture
def folder(prepared: Path, tmp_path: Path) -> Path:
    """A copy of it to change."""
    shutil.copytree(prepared, tmp_path / "net")
    return tmp_path / "net"


def _collect(step: str, folder: Path, *more: str) -> int:
    return main([step, str(folder), "--toolchain", "vitis", "--only", "collect", *more])


@pytest.fixture(scope="module")
def compiled(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, quantized and compiled as AMD's tools would, the latter not yet taken in."""
    folder = tmp_path_factory.mktemp("compiled") / "net"
    shutil.copytree(prepared, folder)
    assert _collect("quantize", folder, "--no-report") == 0
    _left_by_compiler(folder / "vitis", compile_graph(read_xmodel(folder / "net_int.xmodel")).graph)
    return folder


@pytest.fixture
def quantized(compiled: Path, tmp_path: Path) -> Path:
    """A copy of it to change."""
    shutil.copytree(compiled, tmp_path / "quantized" / "net")
    return tmp_path / "quantized" / "net"


def test_job_is_whole_and_needs_nothing_else(prepared: Path) -> None:
    job = prepared / "vitis"
    settings = json.loads((job / "job.json").read_text())
    assert settings["compile"] == {
        "board": "ZCU104",
        "release": "3.0",
        "target": "DPUCZDX8G_ISA1_B4096",
        "fingerprint": "0x101000056010407",
    }
    assert settings["quantize"]["batch_size"] == 4
    with np.load(job / "calibration.npz") as calibration, np.load(job / "evaluation.npz") as rest:
        assert calibration["x"].shape == (8, 28, 28, 1) and calibration["x"].dtype == np.float32
        assert rest["x"].shape == (ROWS - 8, 28, 28, 1) and rest["expected"].shape == (32, 25)
    scripts = {path.relative_to(job / "scripts").as_posix() for path in job.rglob("*.py")}
    assert {"host/__init__.py", "host/vitis/container/quantize.py"} <= scripts
    assert not any("numpy" in path or "target" in path for path in scripts)


def test_quantization_is_taken_in(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _collect("quantize", folder, "--json", "--no-report") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["comparison"]["different"] == []
    assert result["comparison"]["weights_different"] == 0
    assert result["golden"]["outputs_different"] == 0 and result["golden"]["outputs"] == 32
    stored = json.loads((folder / "quantize.json").read_text())
    assert stored["toolchain"]["name"] == "vitis"
    assert stored["toolchain"]["versions"]["vai_q_tensorflow2"] == "3.5.0"
    for name in ("net_int.xmodel", "positions.json", "weights_int8.npz"):
        assert (folder / name).is_file()


def test_compiled_model_is_taken_in(quantized: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert _collect("compile", quantized, "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["subgraphs"]["DPU"] == 1 and result["release"] == "3.0"
    manifest = load_manifest(quantized)
    manifest.verify()
    assert manifest.toolchain == "vitis"
    assert manifest.content["toolchain"]["versions"]["release"] == "3.0"
    roles = {"xmodel", "int8", "golden", "float", "meta", "md5sum"}
    assert set(manifest.content["files"]) == roles
    own = quantized / "vitis" / "compiled" / "net.xmodel"
    assert manifest.xmodel.read_bytes() == own.read_bytes()


@pytest.mark.parametrize("again", [False, True], ids=["compile", "quantize"])
def test_dpu_of_ones_own_build(quantized: Path, tmp_path: Path, again: bool) -> None:
    """Its arch.json is given to one verb or the other."""
    arch = tmp_path / "arch.json"
    arch.write_text('{"fingerprint": "0x101000056010406"}')
    job = quantized / "vitis"
    settings = json.loads((job / "job.json").read_text())
    if again:  # as quantize --arch has written it
        write_target(job, settings, VitisConfig(arch=arch))
        assert (job / "arch.json").is_file()
        assert json.loads((job / "job.json").read_text())["compile"]["fingerprint"] == OWN
    graph = compile_graph(read_xmodel(quantized / "net_int.xmodel")).graph
    _left_by_compiler(job, graph, int(OWN, 0))
    assert _collect("compile", quantized, *([] if again else ["--arch", str(arch)])) == 0
    assert load_manifest(quantized).content["fingerprint"] == OWN


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"target": "DPUCZDX8G_ISA1_B2304"}, "must name the fingerprint of the DPU"),
        ({"fingerprint": "B4096"}, "--arch must be a readable arch.json, got"),
        ([], "--arch must be a readable arch.json, got"),
    ],
    ids=["name", "no number", "list"],
)
def test_arch_that_names_no_dpu(tmp_path: Path, content: Any, message: str) -> None:
    (tmp_path / "arch.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=message):
        wanted_dpu(VitisConfig(arch=tmp_path / "arch.json"))


def test_builtin_compilation_replaces_amds(quantized: Path) -> None:
    assert _collect("compile", quantized) == 0
    assert main(["compile", str(quantized)]) == 0
    assert load_manifest(quantized).toolchain == "builtin"
    assert not (quantized / "meta.json").exists()


def _other_fingerprint(folder: Path) -> None:
    graph = compile_graph(read_xmodel(folder / "net_int.xmodel")).graph
    _left_by_compiler(folder / "vitis", graph, 0x101000016010407)


def _other_weights(folder: Path) -> None:
    graph = read_xmodel(folder / "net_int.xmodel")
    constant = next(op for op in graph if op.data is not None)
    constant.data = -constant.data  # type: ignore[operator]
    _left_by_compiler(folder / "vitis", compile_graph(graph).graph)


def _not_compiled(folder: Path) -> None:
    shutil.rmtree(folder / "vitis" / "compiled")


def _quantized_again(folder: Path) -> None:
    with (folder / "vitis/quantized/quantized.h5").open("ab") as file:
        file.write(b"0")


def _quantized_builtin(folder: Path) -> None:
    content = json.loads((folder / "quantize.json").read_text())
    del content["toolchain"]  # the builtin quantizer writes none
    (folder / "quantize.json").write_text(json.dumps(content))


def _no_job(folder: Path) -> None:
    shutil.rmtree(folder / "vitis")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            _other_fingerprint,
            r"0x101000056010407 .Vitis AI 3.0/3.5., got 0x101000016010407 .Vitis AI 2.5",
        ),
        (_other_weights, "must give the codes of net_int.xmodel, got"),
        (_not_compiled, "step compile must have run in the job, got"),
        (_quantized_again, "quantized.h5 must be what"),
        (_quantized_builtin, "must be quantized by AMD's tool for AMD's compiler, got one of tool"),
        (_no_job, "job folder must hold a job.json of format 1, got"),
    ],
    ids=["fingerprint", "weights", "not compiled", "stale", "builtin", "no job"],
)
def test_what_a_board_must_not_get(
    quantized: Path, capsys: pytest.CaptureFixture[str], change: Any, message: str
) -> None:
    change(quantized)
    assert _collect("compile", quantized) == 1
    assert re.search(message, capsys.readouterr().err)
    assert not (quantized / "model.json").exists()


def test_model_in_several_parts_is_refused(
    quantized: Path, shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = shared / "given" / "xmodels" / "vai3.0.tf2_custom_op_zcu.xmodel"
    shutil.copy(parts, quantized / "vitis" / "compiled" / "net.xmodel")
    assert _collect("compile", quantized) == 1
    assert "compiled model must have one DPU subgraph, got 2" in capsys.readouterr().err


def test_float_model_of_another_job_is_refused(
    folder: Path, released: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(released["tutorial"] / "float.keras", folder)
    assert _collect("quantize", folder) == 1
    assert "job must be of the float model" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--image", "x:1"], "--image is for AMD's tools, got toolchain builtin"),
        (["--gpu"], "--gpu is for AMD's tools"),
        (["--qat-epochs", "2"], "--qat-epochs is for AMD's tools"),
        (
            ["--toolchain", "vitis", "--qat-epochs", "2", "--fast-finetune"],
            "--fast-finetune and --qat-epochs exclude each other",
        ),
        (
            [*PREPARE, "--qat-epochs", "1"],
            "needs the data set's letters, got --images",
        ),
        ([*PREPARE, "--count", "99"], "calibration images must be at least 99"),
        ([*PREPARE, "--arch", "no.json"], "--arch must be a readable arch.json"),
        ([*PREPARE, "--release", "1.3"], "must be 1.4 or later, got 1.3; use --flow tf1"),
        ([*PREPARE, "--release", "2.0", "--qat-epochs", "1"], "--qat-epochs needs Vitis AI 2.5"),
        ([*PREPARE, "--release", "1.4", "--relu6-to-relu"], "--relu6-to-relu needs Vitis AI 2.5"),
        (["--toolchain", "vitis", "--docker", "nodocker"], "'nodocker' must be installed to run"),
    ],
    ids=[
        "image",
        "gpu",
        "qat",
        "both",
        "letters",
        "count",
        "arch",
        "1.3",
        "old qat",
        "old relu6",
        "docker",
    ],
)
def test_options_that_do_not_go_together(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    options = ["--images", str(folder / "images.npz"), "--count", "8", *arguments]
    assert main(["quantize", str(folder), *options]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("step", ["quantize", "compile"])
def test_tools_are_asked_for_without_a_model(step: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked = [step, "no-model", "--toolchain", "vitis", "--only", "check"]
    assert main([*asked, "--python", sys.executable, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"where": sys.executable}
    assert main([*asked, "--docker", "nodocker"]) == 1
    assert "'nodocker' must be installed to run AMD's tools" in capsys.readouterr().err


def test_older_flow_is_written_and_taken_in(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = ["--images", str(folder / "images.npz"), "--count", "8"]
    tools = ["--toolchain", "vitis", "--flow", "tf1", "--release", "3.0"]
    assert main(["quantize", str(folder), *images, *tools]) == 0
    assert "vai_q_tensorflow quantize --input_frozen_graph frozen.pb" in capsys.readouterr().out
    assert main(["compile", str(folder), "--toolchain", "vitis"]) == 1
    assert "run sh run.sh quantize and sh run.sh compile" in capsys.readouterr().err
    graph = make_portable(from_keras(load_keras_model(folder / "float.keras")))
    with np.load(folder / "vitis" / "calibration.npz") as stored:
        int8 = quantize_graph(graph, stored["x"], QuantConfig(8)).graph
    _left_by_compiler(folder / "vitis", compile_graph(int8).graph)
    assert main(["compile", str(folder), "--toolchain", "vitis"]) == 0
    manifest = load_manifest(folder)
    manifest.verify()
    assert manifest.content["toolchain"]["versions"]["flow"] == "tf1"
    assert "int8" not in manifest.content["files"]
    assert main(["compile", str(folder), "--toolchain", "vitis", "--flow", "tf2"]) == 1
    assert "--flow must be that of the job, tf1, got tf2" in capsys.readouterr().err
