"""The VART runner on stand-ins for xir and vart that abort where the real libraries do."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.dpu.emulator import Emulator
from host.graph.graph import Graph, Op, Subgraph
from host.xmodel.reader import read_xmodel
from target.commands.run import open_bare
from target.errors import BackendError, ModelError
from target.manifest import Manifest, load_manifest
from target.runners.dpu import DpuRunner
from target.runners.table import make_runner


class Abort(BaseException):
    """What would end the process: no `except Exception` may save it."""


class FakeTensor:
    def __init__(self, op: Op) -> None:
        self.name, self.dims, self.dtype = op.tensor.name, list(op.tensor.dims), op.tensor.dtype
        self._attrs = op.tensor.attrs

    def has_attr(self, key: str) -> bool:
        return key in self._attrs

    def get_attr(self, key: str) -> Any:
        if key not in self._attrs:
            raise Abort(key)
        return self._attrs[key]


class FakeSubgraph:
    def __init__(self, graph: Graph, subgraph: Subgraph) -> None:
        self.graph, self.subgraph = graph, subgraph

    def _doors(self, kind: str) -> list[Op]:
        ops = [self.graph.op(name) for name in self.subgraph.all_ops()]
        return [op for op in ops if op.type == kind]

    def get_input_tensors(self) -> set[FakeTensor]:
        return {FakeTensor(self.graph.input(op)) for op in self._doors("upload")}

    def get_output_tensors(self) -> set[FakeTensor]:
        return {FakeTensor(op) for op in self._doors("download")}

    def has_attr(self, key: str) -> bool:
        return key in self.subgraph.attrs

    def get_attr(self, key: str) -> Any:
        if key not in self.subgraph.attrs:
            raise Abort(key)
        return self.subgraph.attrs[key]


class FakeXirGraph:
    @staticmethod
    def deserialize(path: str) -> FakeXirGraph:
        if not Path(path).is_file():
            raise Abort("XIR_READ_PB_FAILURE")
        made = FakeXirGraph()
        made.graph = read_xmodel(Path(path))
        return made

    graph: Graph

    def get_op_num(self) -> int:
        return len(self.graph)

    def get_root_subgraph(self) -> FakeXirGraph:
        return self

    def toposort_child_subgraph(self) -> list[FakeSubgraph]:
        return [FakeSubgraph(self.graph, child) for child in self.graph.subgraphs()]


class FakeVartRunner:
    """Runs a DPU subgraph through the emulator; trusts pointers as little as the real one should."""

    @staticmethod
    def create_runner(subgraph: FakeSubgraph, mode: str = "") -> FakeVartRunner:
        if mode not in subgraph.get_attr("runner"):
            raise Abort(f"Cannot find runner for mode {mode}")
        if mode == "run" and not subgraph.has_attr("mc_code"):
            raise Abort("VART_XMODEL_ERROR")
        return FakeVartRunner(subgraph)

    def __init__(self, subgraph: FakeSubgraph) -> None:
        graph = subgraph.graph
        ops = [graph.op(name) for name in subgraph.subgraph.all_ops()]
        self._source = graph.input(next(op for op in ops if op.type == "upload"))
        self._last = next(op for op in ops if op.type == "download")
        self._emulator = Emulator(graph, self._last.name)
        self.waited: list[object] = []

    def get_input_tensors(self) -> list[FakeTensor]:
        return [FakeTensor(self._source)]

    def get_output_tensors(self) -> list[FakeTensor]:
        return [FakeTensor(self._last)]

    def execute_async(self, inputs: list[np.ndarray], outputs: list[np.ndarray]) -> tuple[int, int]:
        assert isinstance(inputs, list) and isinstance(outputs, list)
        for array, op in ((inputs[0], self._source), (outputs[0], self._last)):
            if array.dtype != np.int8 or array.shape != op.tensor.dims:
                raise Abort("unsupported data type or shape")
            if not (array.flags.c_contiguous and array.flags.writeable):
                raise Abort("buffer source array is read-only")
        values = self._emulator.run({self._source.name: inputs[0]}, keep=(self._last.name,))
        outputs[0][...] = values[self._last.tensor.name]
        return (1, 0)

    def wait(self, job: tuple[int, int]) -> int:
        assert job == (1, 0)
        self.waited.append(job)
        return 0


@pytest.fixture
def amd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the stand-ins where xir and vart would be."""
    xir, vart = types.ModuleType("xir"), types.ModuleType("vart")
    xir.Graph = FakeXirGraph  # type: ignore[attr-defined]
    vart.Runner = FakeVartRunner  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "xir", xir)
    monkeypatch.setitem(sys.modules, "vart", vart)


@pytest.fixture
def signnet(released: dict[str, Path]) -> Manifest:
    return load_manifest(released["signnet"])


def test_golden_vectors_through_vart(amd: None, signnet: Manifest) -> None:
    runner = DpuRunner(signnet, mode="ref")
    assert runner.kind == "emulated"
    with np.load(signnet.file("golden")) as golden:
        for codes, expected in zip(golden["input"], golden["output"]):
            assert np.array_equal(runner.infer(codes[None].copy())[0], expected)
    assert len(runner._runner.waited) == 32
    runner.close()


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.zeros((1, 28, 28, 1), np.float32),
        lambda: np.zeros((1, 32, 32, 1), np.int8),
        lambda: np.zeros((1, 28, 28, 2), np.int8)[..., :1],
    ],
    ids=["float32", "shape", "strided"],
)
def test_a_wrong_array_is_refused_before_vart_sees_it(
    amd: None, signnet: Manifest, make: Any
) -> None:
    runner = DpuRunner(signnet, mode="ref")
    with pytest.raises(BackendError, match=r"input 'image_fix' must be"):
        runner.infer(make())


def test_a_builtin_model_is_refused_on_a_dpu_with_the_remedy(amd: None, signnet: Manifest) -> None:
    with pytest.raises(
        BackendError, match="must hold DPU instructions.*'builtin'.*vai_c_tensorflow2"
    ):
        make_runner("dpu", signnet)


def test_a_changed_file_is_refused_before_it_is_loaded(
    signnet: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "signnet.xmodel").write_bytes(signnet.xmodel.read_bytes()[:-1])
    monkeypatch.setitem(sys.modules, "xir", None)
    with pytest.raises(ModelError, match="must have sha256"):
        DpuRunner(Manifest(tmp_path, signnet.content))


@pytest.mark.parametrize("missing", ["vart", "xir"])
def test_a_missing_library_names_interpreter_and_remedy(
    amd: None, signnet: Manifest, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(
        BackendError, match=f"{missing} must be installed for .*python.*host simulate"
    ):
        DpuRunner(signnet, mode="ref")


def test_a_fix_point_that_is_not_the_manifests(amd: None, signnet: Manifest) -> None:
    content = {**signnet.content, "input": {**signnet.content["input"], "fix_point": 5}}
    with pytest.raises(ModelError, match="must have the manifest's fix_point 5, got 6"):
        DpuRunner(Manifest(signnet.folder, content), mode="ref")


@pytest.fixture
def amd_in_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose xir module child processes import; it aborts as the real one does."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "xir.py").write_text(
        "import os, sys\n"
        "from pathlib import Path\n"
        "from tests.target.test_dpu_runner import FakeXirGraph\n"
        "class Graph:\n"
        "    @staticmethod\n"
        "    def deserialize(path):\n"
        "        try:\n"
        "            return FakeXirGraph.deserialize(path)\n"
        "        except BaseException:\n"
        "            sys.stderr.write('FATAL XIR_READ_PB_FAILURE\\n')\n"
        "            os.abort()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


def test_a_file_without_manifest_is_first_loaded_in_a_child_process(
    amd: None, amd_in_children: Path, signnet: Manifest, tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.xmodel", tmp_path / "bad.xmodel"
    good.write_bytes(signnet.xmodel.read_bytes())
    bad.write_bytes(b"not a model")
    manifest = open_bare(good)
    assert manifest.classes == signnet.classes and manifest.input_fix_point == 6
    with np.load(signnet.file("golden")) as golden:
        runner = DpuRunner(manifest, mode="ref")
        assert np.array_equal(runner.infer(golden["input"][:1].copy())[0], golden["output"][0])
    with pytest.raises(ModelError, match=r"model must be an .xmodel that xir loads, got exit -6"):
        open_bare(bad)
    with pytest.raises(ModelError, match="model must be a file, got none"):
        open_bare(tmp_path / "none.xmodel")


def test_without_vart_the_command_points_to_the_emulator(
    capsys: pytest.CaptureFixture[str], signnet: Manifest
) -> None:
    from target.__main__ import main

    code = main(["run", "0", "--headless", "--model", str(signnet.folder)])
    err = capsys.readouterr().err
    assert code == 1 and "python -m host simulate" in err and len(err.splitlines()) == 1


@pytest.mark.board
def test_golden_vectors_on_the_board(signnet: Manifest) -> None:
    pytest.importorskip("vart", reason="needs a ZCU104 with VART")
    runner = make_runner("dpu", signnet)
    with np.load(signnet.file("golden")) as golden:
        for codes, expected in zip(golden["input"], golden["output"]):
            assert np.array_equal(runner.infer(codes[None].copy())[0], expected)
