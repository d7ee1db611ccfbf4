"""From an image's root file system, under an emulated arm64: the application checks itself there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from board_image.__main__ import main
from host.deploy.release import write_release
from target.manifest import load_manifest
from tests.arm64.sysroot import FOLDER, MIRROR, NEEDED, OPENCV, PYTHON, SUITE, build, write_starter
from tests.board_image.reading import ENVIRONMENT, Reading
from tests.board_image.synthetic import STAND_IN, make_image, write_tree
from tests.board_stand_ins.install import CHECKOUT, DEFAULTS

STAND_INS = CHECKOUT / "tests" / "board_stand_ins" / "site"
SITE = "usr/lib/python3/dist-packages"
CHECKS = "libraries,firmware,device,model,golden"


@pytest.fixture(scope="module")
def tree(tools: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root file system with Python 3.9, numpy and OpenCV for arm64, and stand-ins for AMD's modules."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed; run sudo make apt")
    sysroot = build(FOLDER, SUITE, MIRROR, (*PYTHON, *OPENCV)).parent / "root"
    folder = tmp_path_factory.mktemp("arm64") / "tree"
    unused = shutil.ignore_patterns("doc", "icons", "locale", "man", "proj", "gdal", "perl*")
    shutil.copytree(sysroot, folder, symlinks=True, ignore=unused)
    for path in STAND_INS.glob("*.py"):
        own = path.stem in ("stand_in_device", "vart", "xir")
        name = path.name if own else f"stand_in_{path.name}"
        shutil.copyfile(path, folder / SITE / name)
    settings = {**DEFAULTS, "emulator_python": sys.executable, "checkout": str(CHECKOUT)}
    write_tree(folder, {"etc/stand_in.json": json.dumps(settings), "usr/bin/xdputil": STAND_IN})
    return folder


@pytest.mark.slow
def test_the_application_checks_itself_in_the_image(
    tree: Path, released: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Golden vectors bit for bit, with the image's own Python, numpy and OpenCV."""
    name = "xilinx-zcu104-dpu-v2022.2-v3.0.0.img"
    image = make_image(tmp_path / name, tree, "gpt", 40, 640)
    release = tmp_path / "release"
    made_release = write_release(release, load_manifest(released["signnet"]))
    (tmp_path / "board.toml").write_text('[image]\nsize = "760MiB"\n', encoding="utf-8")
    options = ["--config", str(tmp_path / "board.toml"), "--release", str(release)]
    assert main([str(image), str(tmp_path / "sd.img"), *options, "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["release"] == made_release["id"]
    image.unlink()

    board = _extract(tmp_path / "sd.img", tmp_path)
    done = _check(board, tmp_path)
    answer = json.loads(done.stdout)
    assert done.returncode == 0, json.dumps(answer, indent=1)
    assert answer["device"]["kind"] == "stand-in"
    said = " ".join(finding["what"] for finding in answer["findings"])
    assert "Python 3.9" in said and "bit for bit" in said
    # One weight's byte: the very same command says so.
    xmodel = board / "opt/asl/current/model/signnet.xmodel"
    data = bytearray(xmodel.read_bytes())
    data[len(data) // 2] ^= 1
    xmodel.write_bytes(data)
    assert _check(board, tmp_path).returncode == 1


def _extract(image: Path, folder: Path) -> Path:
    """Return the card as the board sees it: the root file system, with the FAT partition mounted."""
    read = Reading(image, folder / "parts")
    read.fsck()
    board = folder / "board"
    board.mkdir()
    command = ["debugfs", "-R", f"rdump / {board}", str(read.root)]
    subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=True)
    boot = board / "run/media/mmcblk0p1"
    boot.mkdir(parents=True)
    (boot / "dpu.xclbin").write_bytes(read.boot_file("dpu.xclbin"))
    return board


def _check(board: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the check as the service's user would, in the release that `current` names."""
    write_starter(folder / "python3", board)
    # This kernel starts no arm64 program by itself: the board's xdputil gets a starter, too.
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    script = f'#!/bin/sh\nexec {folder / "python3"} {board / SITE / "stand_in_xdputil.py"} "$@"\n'
    (tools / "xdputil").write_text(script, encoding="utf-8")
    (tools / "xdputil").chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{tools}:{os.environ['PATH']}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    environment.pop("VIRTUAL_ENV", None)  # with it Debian's Python looks in other folders
    return subprocess.run(
        [str(folder / "python3"), "-m", "target", "check", "model", "--only", CHECKS, "--json"],
        cwd=board / "opt/asl/current",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
