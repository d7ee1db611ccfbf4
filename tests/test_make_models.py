"""Which model the Makefile builds, takes or leaves alone, with a stand-in for the program itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = """#!/bin/sh
echo "$*" >>calls
case "$*" in
*"--only check"*) test ! -f no-tools || { echo "error: docker must be installed" >&2; exit 1; } ;;
"-m host train "*) mkdir -p build/models/signnet && echo trained >build/models/signnet/float.keras ;;
"-m host quantize "*) echo int8 >"$4/$(basename "$4")_int.xmodel" ;;
"-m host compile "*) echo '{}' >"$4/model.json" ;;
esac
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with a released model, whose program only notes how it was called."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "requirements.lock").touch()
    program = tmp_path / ".venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text(PROGRAM)
    program.chmod(0o755)
    (tmp_path / ".venv" / "ready").touch()
    (tmp_path / "models" / "signnet").mkdir(parents=True)
    for name in ("float.keras", "train.json", "history.json", "model.json"):
        (tmp_path / "models" / "signnet" / name).write_text(f"released {name}")
    return tmp_path


def _built(clone: Path, newest: str, toolchain: str) -> Path:
    """Leave a model in build/, compiled by a toolchain; one of its files is the newest."""
    folder = clone / "build" / "models" / "signnet"
    folder.mkdir(parents=True)
    content = {"name": "signnet", "toolchain": {"name": toolchain, "versions": {}}}
    (folder / "model.json").write_text(json.dumps(content, indent=2))
    for name in ("float.keras", "signnet.xmodel"):
        (folder / name).write_text(f"{toolchain} {name}")
    if newest == "signnet_int.xmodel":
        (folder / newest).touch()
    for path in folder.iterdir():
        os.utime(path, (1_000_000, 2_000_000 if path.name == newest else 1_000_000))
    return folder


def _make(clone: Path, *arguments: str) -> tuple[int, str, list[str]]:
    """Run make; returns its exit code, stderr and how the program was called."""
    done = subprocess.run(
        ["make", *arguments], cwd=clone, capture_output=True, text=True, check=False
    )
    calls = clone / "calls"
    return done.returncode, done.stderr, calls.read_text().splitlines() if calls.exists() else []


def _verbs(calls: list[str]) -> list[str]:
    return [call.split()[2] for call in calls if "--only check" not in call]


def test_model_of_the_older_flow_is_not_built_again(clone: Path) -> None:
    """It has no NAME_int.xmodel."""
    _built(clone, "model.json", "vitis")
    code, said, calls = _make(clone, "estimate")
    assert (code, _verbs(calls)) == (0, ["estimate"]), said


@pytest.mark.parametrize("newest", ["float.keras", "signnet_int.xmodel"])
def test_amds_model_is_never_replaced_by_a_builtin_one(clone: Path, newest: str) -> None:
    folder = _built(clone, newest, "vitis")
    code, said, calls = _make(clone, "estimate")
    assert code == 2 and calls == []
    assert "run make quantize compile TOOLCHAIN=vitis" in said
    assert (folder / "signnet.xmodel").read_text() == "vitis signnet.xmodel"


def test_amds_quantization_is_never_replaced_by_a_builtin_one(clone: Path) -> None:
    folder = _built(clone, "float.keras", "vitis")
    (folder / "model.json").rename(folder / "quantize.json")
    code, said, calls = _make(clone, "estimate")
    assert code == 2 and calls == [] and "TOOLCHAIN=vitis" in said


def test_what_was_trained_is_compiled(clone: Path) -> None:
    _built(clone, "float.keras", "builtin")
    code, said, calls = _make(clone, "estimate")
    assert (code, _verbs(calls)) == (0, ["quantize", "compile", "estimate"]), said


def test_released_network_is_taken_and_not_trained(clone: Path) -> None:
    asked = ("quantize", "compile", "TOOLCHAIN=vitis", "MODEL=models/signnet/")
    code, said, calls = _make(clone, *asked)
    assert code == 0 and "train" not in _verbs(calls), said
    assert calls[0].endswith("--toolchain vitis --only check")
    folder = clone / "build" / "models" / "signnet"
    for name in ("float.keras", "train.json", "history.json"):
        assert (folder / name).read_text() == f"released {name}"
    assert {call.split()[3] for call in calls} == {"build/models/signnet"}


def test_another_network_is_not_taken_for_the_released_one(clone: Path) -> None:
    folder = _built(clone, "model.json", "builtin")
    code, said, calls = _make(clone, "quantize", "MODEL=models/signnet")
    assert code == 2 and calls == []
    assert "must hold the float.keras of models/signnet, got another; say NETWORK=" in said
    assert (folder / "float.keras").read_text() == "builtin float.keras"
    code, said, calls = _make(clone, "quantize", "MODEL=models/signnet", "NETWORK=other")
    assert code == 0 and _verbs(calls) == ["quantize"], said


def test_folder_without_a_float_model_is_refused(clone: Path) -> None:
    code, said, calls = _make(clone, "quantize", "MODEL=nothing")
    assert code == 2 and calls == [] and "MODEL must be a folder with float.keras, got none" in said


def test_missing_tools_are_found_before_the_training(clone: Path) -> None:
    (clone / "no-tools").touch()
    code, said, calls = _make(clone, "quantize", "TOOLCHAIN=vitis")
    assert code == 2 and "docker must be installed" in said and _verbs(calls) == []
    code, said, calls = _make(clone, "quantize", "TOOLCHAIN=vitis", "VITIS=--only prepare")
    assert code == 0 and _verbs(calls) == ["train", "quantize"], said
