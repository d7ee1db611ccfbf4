from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from target import files
from target.errors import OutputError


def test_writers_make_folders_and_leave_only_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "result.json"
    files.write_json(path, {"letter": "Ä", "n": [1, 2]})
    assert (
        path.read_text(encoding="utf-8") == '{\n  "letter": "Ä",\n  "n": [\n    1,\n    2\n  ]\n}\n'
    )
    assert os.listdir(path.parent) == ["result.json"]
    files.write_bytes(path, b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"
    files.write_text(str(path), "text")
    assert path.read_bytes() == b"text"


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt()], ids=["error", "ctrl-c"])
def test_a_body_that_raises_leaves_the_old_file(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "result.json"
    path.write_text("old")
    with pytest.raises(type(error)), files.replacing(path) as temporary:
        temporary.write_text("half of the n")
        assert path.read_text() == "old"
        raise error
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["result.json"]


def test_a_body_that_raises_makes_no_new_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="x"), files.replacing(tmp_path / "new.npz"):
        raise ValueError("x")
    assert os.listdir(tmp_path) == []


def test_temporary_file_lies_beside_and_keeps_the_suffix(tmp_path: Path) -> None:
    with files.replacing(tmp_path / "model.npz") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".npz" and temporary.name != "model.npz"
        assert not (tmp_path / "model.npz").exists()
        temporary.write_bytes(b"x")
    assert (tmp_path / "model.npz").read_bytes() == b"x"


def test_mode_is_that_of_an_ordinary_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        files.write_text(tmp_path / "a", "x")
        assert os.umask(0o027) == 0o027  # unchanged by us
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_parent_that_is_a_file_is_an_output_error(read_only: Path) -> None:
    with pytest.raises(
        OutputError, match=r"output folder must be writable, got '.*' in .*; choose"
    ):
        files.write_text(read_only / "result.json", "x")
    with pytest.raises(OutputError, match="output folder must be writable"):
        files.write_text(read_only / "deeper" / "result.json", "x")
    assert read_only.read_text() == "a file where a folder is expected"


def test_a_folder_in_the_way_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "result.json").mkdir()
    with pytest.raises(OutputError, match=r"file must be writable, got '.*' in .*result\.json"):
        files.write_text(tmp_path / "result.json", "x")
    assert os.listdir(tmp_path) == ["result.json"]


def test_check_writable_makes_the_folder_and_leaves_nothing(tmp_path: Path) -> None:
    files.check_writable(tmp_path / "new" / "result.json")
    assert os.listdir(tmp_path / "new") == []
    (tmp_path / "new" / "result.json").write_text("old")
    files.check_writable(tmp_path / "new" / "result.json")
    assert (tmp_path / "new" / "result.json").read_text() == "old"


def test_check_writable_refuses_what_replacing_would(tmp_path: Path, read_only: Path) -> None:
    with pytest.raises(
        OutputError, match=r"output folder must be writable, got '.*' in .*; choose"
    ):
        files.check_writable(read_only / "result.json")
    with pytest.raises(OutputError, match="output must be a file, got a folder at"):
        files.check_writable(tmp_path)


def test_what_cannot_be_json_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    files.write_json(path, 1)
    with pytest.raises(TypeError):
        files.write_json(path, {"x": object()})
    assert json.loads(path.read_text()) == 1
    assert os.listdir(tmp_path) == ["result.json"]


@pytest.mark.parametrize("size", [0, 1, (1 << 20) + 1], ids=["empty", "one", "over-a-block"])
def test_sha256_is_hashlibs(tmp_path: Path, size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    (tmp_path / "f").write_bytes(data[:size])
    assert files.sha256_of(tmp_path / "f") == hashlib.sha256(data[:size]).hexdigest()


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_program_that_is_told_to_end_leaves_no_temporary_file(tmp_path: Path, name: str) -> None:
    code = f"""
import os, signal, sys
from target import files
from target.errors import exit_code_of
def body():
    with files.replacing({str(tmp_path / "x.txt")!r}) as path:
        path.write_text("half")
        os.kill(os.getpid(), signal.{name})
    return 0
sys.exit(exit_code_of(body))
"""
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, check=False)
    assert done.returncode == 128 + getattr(signal, name)
    assert list(tmp_path.iterdir()) == []


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    files.write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_text() == "new"


def test_a_device_is_written_and_not_replaced() -> None:
    before = os.stat(os.devnull)
    files.check_writable(os.devnull, special=True)
    with pytest.raises(OutputError, match="must be a file, got a device or a pipe at"):
        files.check_writable(os.devnull)
    files.write_json(os.devnull, {})
    assert os.stat(os.devnull).st_ino == before.st_ino
    refused = pytest.raises(OutputError, match="must be a file, got a device or a pipe at")
    with refused, files.replacing(os.devnull):
        pass


def test_half_characters_of_a_file_name_are_escaped(tmp_path: Path) -> None:
    files.write_json(tmp_path / "a.json", {"name": "caf\udce9"})
    assert json.loads((tmp_path / "a.json").read_text())["name"] == "caf\udce9"
