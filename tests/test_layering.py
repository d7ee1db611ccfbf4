"""The doors of the house: which room may import which (see the README's design section)."""

from __future__ import annotations

import ast
import functools
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CORE = ("host/graph", "host/xmodel", "host/dpu")
CORE_MAY_USE = ("target.vision.fixed_point", "target.errors", "target.files", "host.quiet")
# A library that may be missing is imported by exactly these files.
ONLY_IN = {
    "cv2": {"target/opencv.py"},
    "vart": {"target/runners/dpu.py"},
    "xir": {"target/runners/xir_file.py"},
    "onnx": {"host/dpu/engines/ort_graph.py", "host/runners/onnx_file.py"},
    "onnxruntime": {"host/dpu/engines/ort.py", "target/runners/onnx_runtime.py"},  # one a tree
    "numba": {"host/data/hands/compiled.py"},
    "rapidfuzz": {"target/text/words.py"},
    "pynvml": {"target/measure/nvml.py"},
    "ai_edge_litert": {"target/runners/cpu.py"},
    "tflite_runtime": {"target/runners/cpu.py"},
}
PROTOBUF = "host/xmodel"
MAY_USE_KERAS = ("host/training/", "host/graph/keras_file.py", "host/runners/keras.py")
MAY_USE_TENSORFLOW = (
    "host/quiet.py",
    "host/runners/keras.py",
    "host/runners/litert.py",
    "host/training/distribute.py",
    "host/commands/demo.py",  # asks whether there is a GPU
    "host/vitis/frozen_graph.py",
    "host/vitis/container/aware.py",  # these run where AMD's tools are
    "host/vitis/container/network.py",
    "host/vitis/container/quantize.py",
)


def _files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


@functools.cache
def _imports(path: Path) -> frozenset[str]:
    """Return every module a file imports, also inside functions and by importlib.import_module."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and "import_module" in ast.dump(node.func):
            found.update(str(a.value) for a in node.args if isinstance(a, ast.Constant))
    return frozenset(found)


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _uses(path: Path, package: str) -> bool:
    return any(name == package or name.startswith(package + ".") for name in _imports(path))


@pytest.mark.parametrize("path", _files("target"), ids=_name)
def test_target_never_imports_host_or_training_libraries(path: Path) -> None:
    for package in ("host", "tensorflow", "keras", "matplotlib", "google"):
        assert not _uses(path, package), f"{_name(path)} imports {package}"


@pytest.mark.parametrize("path", _files(*CORE), ids=_name)
def test_core_uses_little_of_target(path: Path) -> None:
    for name in _imports(path):
        if name.startswith(("target.", "host.")):
            inside = name.startswith(tuple(f.replace("/", ".") for f in CORE))
            assert inside or name.startswith(CORE_MAY_USE), f"{_name(path)} imports {name}"


@pytest.mark.parametrize("path", _files("host/graph", "host/dpu"), ids=_name)
def test_graph_does_not_know_the_dpu_and_the_dpu_not_the_file_format(path: Path) -> None:
    forbidden = ["host.xmodel", "host.quantizer", "host.compiler"]
    if _name(path).startswith("host/graph"):
        forbidden.append("host.dpu")
    for package in forbidden:
        assert not _uses(path, package), f"{_name(path)} imports {package}"


@pytest.mark.parametrize(
    "path",
    _files("host/quantizer", "host/compiler", "host/runners", "host/report", "host/data"),
    ids=_name,
)
def test_rooms_never_import_commands(path: Path) -> None:
    assert not _uses(path, "host.commands")


@pytest.mark.parametrize("path", _files("host/quantizer", "host/compiler"), ids=_name)
def test_quantizer_and_compiler_know_only_the_core(path: Path) -> None:
    own = "host." + path.relative_to(ROOT).parts[1]
    for name in _imports(path):
        if name.startswith("host."):
            assert name.startswith((own, *(f.replace("/", ".") for f in CORE))), name


@pytest.mark.parametrize("path", _files("host", "target"), ids=_name)
def test_optional_libraries_stand_behind_one_file_each(path: Path) -> None:
    for package, allowed in ONLY_IN.items():
        # `from target.opencv import cv2` imports ours, not the library.
        direct = {name for name in _imports(path) if name.split(".")[0] == package}
        assert not direct or _name(path) in allowed, f"{_name(path)} imports {package}"


@pytest.mark.parametrize("path", _files("host", "target"), ids=_name)
def test_heavy_libraries_stay_in_their_rooms(path: Path) -> None:
    name = _name(path)
    if _uses(path, "google"):
        assert name.startswith(PROTOBUF)
    if _uses(path, "keras"):
        assert name.startswith(MAY_USE_KERAS) or name == "host/quiet.py"
    if _uses(path, "tensorflow"):
        assert name in MAY_USE_TENSORFLOW


@pytest.mark.parametrize("path", _files("board_image"), ids=_name)
def test_board_image_needs_nothing_but_python(path: Path) -> None:
    for name in _imports(path):
        top = name.split(".")[0]
        assert top == "board_image" or top in sys.stdlib_module_names, (
            f"{_name(path)} imports {name}"
        )


def test_nothing_imports_board_image() -> None:
    for path in _files("host", "target"):
        named = "board_image" in path.read_text(encoding="utf-8")  # parsing all of them takes long
        assert not (named and _uses(path, "board_image")), _name(path)
