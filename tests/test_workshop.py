"""The workshop: the Makefile's help, Python 3.9 in target/, what the project says of itself."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOP_LEVEL = {"host", "target", "models", "board_image", "tests", "Makefile", "README.md"}
CONFIG = {"CHANGELOG.md", "LICENSE", "pyproject.toml", "requirements.lock"}


def _tracked() -> list[str]:
    listing = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listing.returncode:
        pytest.skip("not a git checkout")
    return listing.stdout.splitlines()


def test_help_is_the_default_and_lists_every_target() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = set(re.findall(r"^\.PHONY: (.+)$", text, re.M))
    for command in (["make"], ["make", "help"]):
        shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for target in phony:
            assert re.search(rf"^  {target}\s+\S", shown, re.M), target


def test_top_level_is_fixed() -> None:
    top = {path.split("/")[0] for path in _tracked()}
    assert {name for name in top if not name.startswith(".")} <= TOP_LEVEL | CONFIG


def test_target_is_python_3_9() -> None:
    vermin = Path(sys.executable).parent / "vermin"
    done = subprocess.run(
        [vermin, "--no-tips", "-t=3.9-", "--violations", "target"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("word", ["/work/", "/root/", "/tmp/", "registry.npmjs", "pypi.org"])
def test_project_names_no_machine(word: str) -> None:
    for name in _tracked():
        path = ROOT / name
        if path.suffix in (
            ".npz",
            ".keras",
            ".xmodel",
            ".png",
            ".jpg",
            ".lock",
            ".avi",
            ".h5",
        ) or path == Path(__file__):
            continue
        assert word not in path.read_text(encoding="utf-8"), f"{name} holds {word}"


def test_commands_have_help() -> None:
    from host.__main__ import COMMANDS

    for name in COMMANDS:
        done = subprocess.run(
            [sys.executable, "-m", "host", name, "--help"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 and "--json" in done.stdout, name


@pytest.mark.parametrize("package", ["host", "target"])
def test_unknown_command_is_usage_error(package: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", package, "nonsense"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and "command must be one of" in done.stderr
