"""What `make test-arm64` stands on; the emulated run itself is that target's."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.arm64 import run, sysroot

ROOT = Path(__file__).resolve().parents[2]


def test_a_missing_tool_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(sysroot.SysrootError, match="apt-get must be installed, .* sudo make apt"):
        sysroot.build(tmp_path / "arm64", "bullseye", "http://none.invalid", ["python3"])


def test_a_mirror_that_does_not_answer_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """apt-get itself only warns; the second answer is what it is called again for."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in sysroot.NEEDED:
        program = "echo 'W: Failed to fetch it' >&2" if name == "apt-get" else "exit 9"
        (tools / name).write_text(f"#!/bin/sh\n{program}\n", encoding="utf-8")
        (tools / name).chmod(0o755)
    keyring = tmp_path / "keys.gpg"
    keyring.touch()
    monkeypatch.setattr(sysroot, "KEYRING", keyring)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    command = ["--folder", str(tmp_path / "arm64"), "--mirror", "http://none.invalid"]
    assert sysroot.main(command) == 1
    error = capsys.readouterr().err
    assert "apt-get update must succeed, got 'W: Failed to fetch it'" in error
    assert "does http://none.invalid have bullseye?" in error and error.count("\n") == 1
    assert not (tmp_path / "arm64" / "ready").exists()


def test_the_starter_is_what_sys_executable_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arguments arrive whole, and the program's own path is the emulated argv[0]."""
    emulator = tmp_path / "qemu-aarch64-static"
    emulator.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n', encoding="utf-8")
    emulator.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    root = tmp_path / "a root"
    starter = tmp_path / "python3"
    sysroot.write_starter(starter, root)
    done = subprocess.run([starter, "-c", "a b"], capture_output=True, text=True, check=True)
    interpreter = str(root / "usr/bin/python3")
    expected = ["-L", str(root), "-0", str(starter), interpreter, "-c", "a b"]
    assert done.stdout.splitlines() == expected


def test_what_is_left_out_is_there_and_has_a_reason() -> None:
    lines = (Path(run.__file__).parent / "excluded.txt").read_text(encoding="utf-8").splitlines()
    options = [line for line in lines if not line.startswith("#")]
    assert options and all(" # " in line for line in options)
    for option in run.excluded():
        name, path = option.split("=", 1)
        assert name in ("--ignore", "--deselect")
        file, _, test = path.partition("::")
        assert (ROOT / file).is_file(), option
        if test:
            assert f"def {test.split('[')[0]}(" in (ROOT / file).read_text(encoding="utf-8"), option
