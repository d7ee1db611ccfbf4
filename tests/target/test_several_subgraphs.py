"""Networks that the compiler cuts: several DPU subgraphs, and the CPU's steps between them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.compiler.compile import compile_graph
from host.compiler.manifest import build_manifest
from host.dpu.arch import ZCU104
from host.dpu.emulator import Emulator
from host.graph.graph import Graph
from host.quantizer.config import QuantConfig
from host.quantizer.quantize import quantize_graph
from host.runners.emulator import dpu_doors
from host.xmodel.writer import write_xmodel
from target import files
from target.errors import ModelError
from target.manifest import Manifest, load_manifest
from target.runners.cpu_steps import CpuOp, run_op
from target.runners.dpu import DpuRunner
from target.runners.xir_file import CpuStep, DpuStep, read_plan
from tests.board_stand_ins.install import StandInBoard
from tests.host.small_graphs import add_conv, add_data, add_op
from tests.host.small_graphs import run_op as run_on_host

POOL = {
    "kernel": [4, 4],
    "stride": [4, 4],
    "pad": [0, 0, 0, 0],
    "pad_mode": "FLOOR",
    "global": False,
}


def _cut(kind: str, **attrs: Any) -> Graph:
    """Return a compiled network with an op in its middle that the DPU cannot do."""
    generator = np.random.default_rng(0)
    graph = Graph("cut")
    add_data(graph, (1, 28, 28, 1))
    weights = generator.normal(size=(4, 1, 1, 1))
    add_conv(graph, "first", "image", weights, np.zeros(4))
    add_op(graph, "middle", kind, ["first"], __keras="Activation", **attrs)
    add_op(graph, "pool", "maxpool2d", ["middle"], (1, 7, 7, 4), **POOL)
    add_op(graph, "flat", "reshape", ["pool"], (1, 196))
    add_conv(graph, "fc", "flat", generator.normal(size=(25, 196)) / 10, None, "inner-product")
    add_op(graph, "soft", "softmax", ["fc"], axis=-1, __keras="Activation")
    images = generator.random((4, 28, 28, 1)).astype(np.float32)
    return compile_graph(quantize_graph(graph, images, QuantConfig(4)).graph).graph


def _release(graph: Graph, folder: Path) -> Manifest:
    """Write a model's folder: the compiled file and its manifest."""
    folder.mkdir()
    write_xmodel(graph, folder / "cut.xmodel")
    hashes = {"xmodel": ("cut.xmodel", files.sha256_of(folder / "cut.xmodel"))}
    content = build_manifest("cut", dpu_doors(graph), ZCU104, {}, hashes)
    (folder / "model.json").write_text(json.dumps(content), encoding="utf-8")
    return load_manifest(folder)


@pytest.mark.parametrize(
    ("kind", "attrs"), [("tanh", {}), ("softmax", {"axis": -1}), ("elu", {})], ids=lambda v: str(v)
)
def test_steps_on_dpu_and_cpu_give_the_emulators_codes(
    stand_in_board: StandInBoard, tmp_path: Path, kind: str, attrs: dict[str, Any]
) -> None:
    graph = _cut(kind, **attrs)
    manifest = _release(graph, tmp_path / "cut")
    plan = read_plan(manifest.xmodel)
    assert [type(step) for step in plan.steps] == [DpuStep, CpuStep, DpuStep]
    runner = DpuRunner(manifest)
    source, last = dpu_doors(graph)
    emulator = Emulator(graph, last.name)
    generator = np.random.default_rng(1)
    for _ in range(4):
        codes = generator.integers(-128, 128, (1, 28, 28, 1), np.int8)
        expected = emulator.run({source.name: codes}, keep=(last.name,))[last.tensor.name]
        assert np.array_equal(runner.infer(codes), expected)
        assert np.array_equal(runner.collect(runner.submit(codes)), expected)
    runner.close()


def test_a_runner_that_calls_its_tensors_by_their_inner_names(
    stand_in_board: StandInBoard, tmp_path: Path
) -> None:
    graph = _cut("tanh")
    manifest = _release(graph, tmp_path / "cut")
    codes = np.random.default_rng(3).integers(-128, 128, (1, 28, 28, 1), np.int8)
    expected = DpuRunner(manifest).infer(codes).copy()
    stand_in_board.change(inner_names=True)
    assert np.array_equal(DpuRunner(manifest).infer(codes), expected)


def test_a_cpu_op_that_is_not_known_is_named_before_anything_runs(
    stand_in_board: StandInBoard, shared: Path
) -> None:
    with pytest.raises(
        ModelError, match=r"CPU op between DPU subgraphs must be one of add, .*got 'Mylayer' \("
    ):
        read_plan(shared / "given/xmodels/vai3.0.tf2_custom_op_zcu.xmodel")


def test_a_real_compiled_file_runs_on_a_dpu_that_needs_instructions(
    stand_in_board: StandInBoard, shared: Path, tmp_path: Path
) -> None:
    from target.commands.run import open_bare

    stand_in_board.change(fingerprint="0x1000020f6014407", needs_instructions=True)
    name = "beetlebox_sign_language_mnist_a"
    runner = DpuRunner(open_bare(shared / f"given/xmodels/{name}.xmodel"))
    with np.load(shared / f"given/xmodels/{name}.npz") as vectors:
        for codes, expected in zip(vectors["input"][:, None].copy(), vectors["output"]):
            assert np.array_equal(runner.infer(codes)[0], expected.ravel())


_MAP = np.random.default_rng(2).normal(size=(1, 6, 5, 3)).astype(np.float32) * 3
_POOL = {"kernel": [2, 3], "stride": [2, 2], "pad": [1, 0, 1, 1]}


@pytest.mark.parametrize(
    ("kind", "attrs", "dims"),
    [
        ("relu", {}, None),
        ("relu6", {}, None),
        ("leaky-relu", {"alpha": 0.3}, None),
        ("elu", {}, None),
        ("exp", {}, None),
        ("neg", {}, None),
        ("sigmoid", {}, None),
        ("swish", {}, None),
        ("hard-swish", {}, None),
        ("softplus", {}, None),
        ("tanh", {}, None),
        ("softmax", {"axis": -1}, None),
        ("softmax", {"axis": 1}, None),
        ("flatten", {}, (1, 90)),
        ("reshape", {}, (1, 30, 3)),
        ("transpose", {"order": [0, 3, 1, 2]}, (1, 3, 6, 5)),
        ("float2fix", {"fix_point": 4, "round_mode": "DPU_ROUND"}, None),
        ("fix", {"fix_point": 4, "round_mode": "DPU_ROUND"}, None),
        ("maxpool2d", _POOL, (1, 3, 3, 3)),
        ("avgpool2d", _POOL, (1, 3, 3, 3)),
        ("avgpool2d", {**_POOL, "count_include_pad": False}, (1, 3, 3, 3)),
        ("avgpool2d", {**_POOL, "dpu_factor": [21, 7]}, (1, 3, 3, 3)),
    ],
)
def test_a_cpu_step_computes_what_the_emulator_does(
    kind: str, attrs: dict[str, Any], dims: tuple[int, ...] | None
) -> None:
    dims = dims or _MAP.shape
    fix_point = attrs.get("fix_point")
    expected = run_on_host(kind, dims, {"input": [(_MAP, 0)]}, fix_point, **attrs)
    got = run_op(CpuOp("it", kind, ("x",), "y", dims, attrs), [_MAP])
    assert got.dtype == expected.dtype and np.array_equal(got, expected)


@pytest.mark.parametrize("kind", ["add", "sub", "mul", "div", "max", "min", "concat"])
def test_a_cpu_step_of_two_tensors_computes_what_the_emulator_does(kind: str) -> None:
    other = _MAP[:, ::-1] + np.float32(10)
    dims = (1, 6, 5, 6) if kind == "concat" else _MAP.shape
    attrs = {"axis": 3} if kind == "concat" else {}
    expected = run_on_host(kind, dims, {"input": [(_MAP, 0), (other, 0)]}, None, **attrs)
    got = run_op(CpuOp("it", kind, ("x", "z"), "y", dims, attrs), [_MAP, other])
    assert got.dtype == expected.dtype and np.array_equal(got, expected)


def test_codes_become_real_values() -> None:
    codes = np.array([[-128, -1, 0, 127]], np.int8)
    op = CpuOp("it", "fix2float", ("x",), "y", (1, 4), {"fix_point": 6})
    assert run_op(op, [codes]).tolist() == [[-2.0, -1 / 64, 0.0, 127 / 64]]
