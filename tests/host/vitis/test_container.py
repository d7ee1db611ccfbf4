"""The container's part without TensorFlow: its Python, the compiler's checks, its errors."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from host.vitis.container.compile import check_arch, check_md5, find_arch
from host.vitis.container.job import JobError, load_arrays, load_json, results, run

ROOT = Path(__file__).resolve().parents[3]
HOME = ROOT / "host" / "vitis" / "container"
WANTED = {
    "board": "ZCU104",
    "release": "3.0",
    "target": "DPUCZDX8G_ISA1_B4096",
    "fingerprint": "0x101000056010407",
}
ALLOWED = ("host.vitis.container", "numpy", "tensorflow", *sys.stdlib_module_names)


@pytest.mark.parametrize("path", sorted(HOME.glob("*.py")), ids=lambda path: path.name)
def test_scripts_import_nothing_that_the_container_has_not(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [str(node.module)]
        else:
            continue
        for name in names:
            assert name.split(".")[0] in ALLOWED or name.startswith(ALLOWED[0]), f"{path}: {name}"


def test_scripts_are_for_the_pythons_of_the_containers() -> None:
    vermin = Path(sys.executable).parent / "vermin"
    parents = [HOME.parent / "__init__.py", HOME.parents[1] / "__init__.py"]
    command = [vermin, "--no-tips", "-t=3.7-", "--violations", HOME, *parents]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def _arch(folder: Path, content: Any) -> str:
    path = folder / "arch.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


@pytest.mark.parametrize(
    "content",
    [{"target": "DPUCZDX8G_ISA1_B4096"}, {"fingerprint": "0x101000056010407"}],
    ids=["target", "fingerprint"],
)
def test_arch_of_the_board(tmp_path: Path, content: dict[str, str]) -> None:
    check_arch(_arch(tmp_path, content), WANTED)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"fingerprint": "0x101000016010407"},
            "fingerprint 0x101000056010407 .* got 0x101000016010407",
        ),
        (
            {"target": "DPUCZDX8G_ISA0_B4096_MAX_BG2"},
            "for target DPUCZDX8G_ISA1_B4096 .Vitis AI 3.0",
        ),
        ({"fingerprint": "B4096"}, "fingerprint must be a number such as .*, got 'B4096'"),
        ([], "must be a JSON object"),
        ("{", "arch.json must be JSON, got"),
        ({}, "must be for target .*, got None"),
    ],
    ids=["2.5", "2.0", "no number", "list", "damaged", "empty"],
)
def test_arch_of_another_dpu(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(JobError, match=message):
        check_arch(_arch(tmp_path, content), WANTED)


def test_arch_is_found_in_the_job_then_in_the_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAI_ROOT", str(tmp_path / "vitis_ai"))
    with pytest.raises(
        JobError, match="arch.json of the ZCU104 must be in the container, got none"
    ):
        find_arch(str(tmp_path), "ZCU104")
    own = tmp_path / "vitis_ai/compiler/arch/DPUCZDX8G/ZCU104/arch.json"
    own.parent.mkdir(parents=True)
    own.write_text("{}")
    assert find_arch(str(tmp_path), "ZCU104") == str(own)
    given = _arch(tmp_path, {})
    assert find_arch(str(tmp_path), "ZCU104") == given


def test_md5_must_be_the_noted_one(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(b"model")
    (tmp_path / "sums").write_text("20f35e630daf44dbfa4c3f68f5399d8c  m\n")
    check_md5(str(tmp_path / "m"), str(tmp_path / "sums"))
    (tmp_path / "m").write_bytes(b"other")
    with pytest.raises(JobError, match="md5 of m must be in md5sum.txt"):
        check_md5(str(tmp_path / "m"), str(tmp_path / "sums"))


def test_results_take_the_old_ones_place_only_when_complete(tmp_path: Path) -> None:
    with results(str(tmp_path), "out") as folder:
        (Path(folder) / "a").write_text("1")
    with pytest.raises(ValueError), results(str(tmp_path), "out") as folder:
        (Path(folder) / "a").write_text("2")
        raise ValueError
    assert (tmp_path / "out/a").read_text() == "1"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_results_survive_a_failed_exchange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with results(str(tmp_path), "out") as folder:
        (Path(folder) / "a").write_text("1")
    rename = os.rename

    def no_new_ones(source: str, place: str) -> None:
        if source.endswith(".new"):
            raise OSError("no space left")
        rename(source, place)

    monkeypatch.setattr(os, "rename", no_new_ones)
    with pytest.raises(OSError, match="no space"), results(str(tmp_path), "out"):
        pass
    assert (tmp_path / "out/a").read_text() == "1"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_results_survive_a_run_that_was_killed_between_the_renames(tmp_path: Path) -> None:
    (tmp_path / "out.old").mkdir()
    (tmp_path / "out.old/a").write_text("1")
    with pytest.raises(ValueError), results(str(tmp_path), "out"):
        raise ValueError
    assert (tmp_path / "out/a").read_text() == "1"


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "must hold job.json, got"), ("{", "must hold"), ('{"format": 9}', "of format 1, got")],
    ids=["missing", "damaged", "other"],
)
def test_settings_that_are_none(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "job.json").write_text(content)
    with pytest.raises(JobError, match=message):
        load_json(str(tmp_path), "job.json")


def test_arrays_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"PK")
    with pytest.raises(JobError, match="job must hold the arrays of a.npz, got"):
        load_arrays(str(tmp_path), "a.npz")


def test_unexpected_errors_are_one_line_and_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def body(folder: str) -> None:
        raise RuntimeError("a\nb")

    assert run(body, "doc", [str(tmp_path)]) == 1
    assert "error: step must run to its end, got 'RuntimeError: a b'" in capsys.readouterr().err
    assert "Traceback" in (tmp_path / "error.txt").read_text()
    assert run(body, "how to", []) == 2
    assert run(body, "how to", ["--help"]) == 0
