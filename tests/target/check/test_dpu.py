"""Checks of what runs the model: libraries, firmware, device, model, golden vectors; and the command."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from target import files
from target.__main__ import main
from target.check import device, firmware, golden, libraries, model
from target.check.board import Board
from target.check.finding import ERROR, NOTE, OK, WARNING, Finding, describe
from target.check.table import CHECKS, check_board
from target.errors import DataError
from target.manifest import Manifest, load_manifest
from tests.board_stand_ins.install import StandInBoard
from tests.target.check.boards import (
    NO_DEVICE,
    STAND_IN,
    ZCU104,
    board_of,
    copy_model,
    healthy,
    levels,
    only,
)


@pytest.fixture
def signnet(released: dict[str, Path]) -> Manifest:
    return load_manifest(released["signnet"])


def test_libraries_of_an_interpreter_without_vart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    found = [one for one in libraries.check(board_of(tmp_path)) if one.level == ERROR]
    assert [one.what.split()[0] for one in found] == ["xir", "vart"]
    assert "got 'ModuleNotFoundError: No module named 'xir''" in found[0].what
    assert "packagegroup-petalinux-vitisai" in found[0].remedy


def test_libraries_that_abort_or_lack_a_library_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "xir.py").write_text("import os; os.abort()\n")
    (tmp_path / "vart.py").write_text(
        "raise ImportError('libvart-runner.so.3: cannot open shared object file')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = [one for one in libraries.check(board_of(tmp_path)) if one.level == ERROR]
    assert "xir must be importable by" in found[0].what and "got 'SIGABRT'" in found[0].what
    assert found[1].remedy.endswith("then ldconfig")


def test_a_module_that_lies_in_another_pythons_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "usr/lib/python3.9/site-packages"
    folder.mkdir(parents=True)
    (folder / "vart.cpython-39-aarch64-linux-gnu.so").write_bytes(b"")
    found = [one for one in libraries.check(board_of(tmp_path)) if one.what.startswith("vart")]
    assert f"it lies in {folder}, made for another Python" in found[0].remedy


def test_firmware_by_vart_conf(tmp_path: Path) -> None:
    machine = healthy(tmp_path)
    assert levels(firmware.check(board_of(tmp_path))) == [OK]
    machine.write("etc/vart.conf", "firmware: /mnt/gone/dpu.xclbin")
    found = only(firmware.check(board_of(tmp_path)), ERROR)
    assert found.what == "/etc/vart.conf must name a file, got none at /mnt/gone/dpu.xclbin"
    expected = 'echo "firmware: /run/media/mmcblk0p1/dpu.xclbin" > /etc/vart.conf'
    assert found.remedy == expected and "aborts" in found.why


def test_firmware_by_variable_and_by_default(tmp_path: Path) -> None:
    machine = healthy(tmp_path)
    environment = {"XLNX_VART_FIRMWARE": "/none"}
    found = only(firmware.check(board_of(tmp_path, environment=environment)), ERROR)
    assert "XLNX_VART_FIRMWARE must name a file" in found.what
    assert found.remedy.startswith("unset XLNX_VART_FIRMWARE")
    machine.write("etc/vart.conf", "# nothing")
    found = only(firmware.check(board_of(tmp_path)), ERROR)
    assert "the default (no firmware: line in /etc/vart.conf) must name a file" in found.what
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "usr/lib/dpu.xclbin").write_bytes(b"xclbin2\0")
    assert levels(firmware.check(board_of(tmp_path))) == [OK]


def test_firmware_that_is_none_and_firmware_that_is_gone(tmp_path: Path) -> None:
    healthy(tmp_path)
    path = tmp_path / "run/media/mmcblk0p1/dpu.xclbin"
    path.write_bytes(b"\0" * 20)
    assert "must be an xclbin" in only(firmware.check(board_of(tmp_path)), ERROR).what
    path.unlink()
    assert "mount the SD card" in only(firmware.check(board_of(tmp_path)), ERROR).remedy
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/dpu").touch()  # the Vivado flow: VART loads nothing
    assert levels(firmware.check(board_of(tmp_path))) == [OK]


def test_device_of_the_models_release(tmp_path: Path, signnet: Manifest) -> None:
    assert levels(device.check(board_of(tmp_path, signnet))) == [OK, OK, OK]


def _changed(**changes: Any) -> Any:
    return dataclasses.replace(ZCU104, **changes)


@pytest.mark.parametrize(
    ("changes", "level", "what", "remedy"),
    [
        (
            {"fingerprints": (0x101000016010407,) * 2, "runtime": "2.5.0"},
            ERROR,
            "must be compiled for 0x101000016010407 (Vitis AI 2.5), got 0x101000056010407 (Vitis AI 3.0)",
            'make quantize compile TOOLCHAIN=vitis VITIS="--release 2.5", or boot the board image of Vitis'
            " AI 3.0",
        ),
        ({"clock_mhz": 150}, WARNING, "must be 300 MHz, got 150", "300 MHz DPU clock"),
        (
            {"runtime": "3.5.0"},
            WARNING,
            "release, Vitis AI 3.0, got 3.5.0",
            "image of Vitis AI 3.0",
        ),
        ({"fingerprints": (0x101000056010407,)}, NOTE, "this one 1", ""),
        (
            {"fingerprints": (0x101000056010407, 0x101000016010407)},
            WARNING,
            "all cores must have one fingerprint, got 2",
            "XLNX_DPU_DEVICE_CORES",
        ),
    ],
    ids=["fingerprint", "clock", "runtime", "cores", "mixed"],
)
def test_device_that_does_not_fit(
    changes: dict[str, Any],
    level: str,
    what: str,
    remedy: str,
    tmp_path: Path,
    signnet: Manifest,
) -> None:
    found = only(device.check(board_of(tmp_path, signnet, device=_changed(**changes))), level)
    assert what in found.what and remedy in found.remedy


def test_a_dpu_of_ones_own(tmp_path: Path, signnet: Manifest) -> None:
    content = {**signnet.content, "fingerprint": "0x101000056010406"}
    manifest = Manifest(signnet.folder, content)
    mine = _changed(fingerprints=(0x101000056010406,) * 2)
    found = only(device.check(board_of(tmp_path, manifest, device=mine)), WARNING)
    assert '{"fingerprint":"0x101000056010406"} in arch.json' in found.remedy


def test_amds_script_that_nothing_runs_is_named(tmp_path: Path, signnet: Manifest) -> None:
    script = tmp_path / "home/somebody/dpu_sw_optimize/zynqmp/zynqmp_dpu_optimize.sh"
    script.parent.mkdir(parents=True)
    script.touch()
    found = only(device.check(board_of(tmp_path, signnet)), NOTE)
    assert "sh /home/somebody/dpu_sw_optimize/zynqmp/zynqmp_dpu_optimize.sh" in found.what


def test_no_device_and_no_tool(tmp_path: Path, signnet: Manifest) -> None:
    found = only(device.check(board_of(tmp_path, signnet, device=NO_DEVICE)), ERROR)
    assert "xdputil query found no DPU: no device is available" in found.what
    nothing = dataclasses.replace(NO_DEVICE, source="", trouble="neither is on the PATH")
    found = only(device.check(board_of(tmp_path, signnet, device=nothing)), ERROR)
    assert "xdputil must be there" in found.what and "dnf install" in found.remedy


def test_model(tmp_path: Path, signnet: Manifest) -> None:
    found = only(model.check(board_of(tmp_path, signnet)), ERROR)
    assert "must hold DPU instructions, got toolchain 'builtin'" in found.what
    assert "make quantize compile TOOLCHAIN=vitis (with MODEL=models/signnet" in found.remedy
    found = only(model.check(board_of(tmp_path, signnet, device=STAND_IN)), NOTE)
    assert "only this stand-in" in found.what
    content = {**signnet.content, "toolchain": {"name": "vitis", "versions": {}}}
    assert levels(model.check(board_of(tmp_path, Manifest(signnet.folder, content)))) == [OK]


def test_a_models_folder_that_is_changed_or_not_there(tmp_path: Path, signnet: Manifest) -> None:
    folder = copy_model(signnet.folder, tmp_path / "copy")
    (folder / "float.keras").unlink()  # only the workstation needs it
    board = board_of(tmp_path, load_manifest(folder), device=STAND_IN)
    assert levels(model.check(board)) == [NOTE]
    data = bytearray((folder / "signnet.xmodel").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "signnet.xmodel").write_bytes(data)
    found = only(model.check(board), ERROR)
    assert "must have sha256" in found.what and found.remedy.endswith("make deploy")
    board = Board(STAND_IN, None, "model folder must hold model.json", tmp_path)
    assert only(model.check(board), ERROR).what == "model folder must hold model.json"


def test_a_manifest_that_names_another_dpu_than_its_file(
    stand_in_board: StandInBoard, signnet: Manifest, tmp_path: Path
) -> None:
    content = {
        **signnet.content,
        "fingerprint": "0x101000016010407",
        "toolchain": {"name": "vitis", "versions": {}},
    }
    manifest = Manifest(signnet.folder, content)
    found = only(model.check(board_of(tmp_path, manifest)), ERROR)
    assert "manifest's 0x101000016010407 (Vitis AI 2.5), got 0x101000056010407" in found.what


def test_golden_vectors(stand_in_board: StandInBoard, signnet: Manifest, tmp_path: Path) -> None:
    board = board_of(tmp_path, signnet, device=STAND_IN)
    assert only(golden.check(board), OK).what.startswith("32 vectors bit for bit on a stand-in")
    stand_in_board.change(wrong_output=3)
    found = only(golden.check(board), ERROR)
    assert "must give their codes, got 32 that differ (first: number 0)" in found.what
    stand_in_board.change(wrong_output=None, timeout_after=5)
    found = only(golden.check(board), ERROR)
    assert "got SIGABRT" in found.what and "cu timeout!" in found.what


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"input": np.zeros((2, 28, 28, 1), np.int8)}, "must be an .npz with input and output"),
        (
            {"input": np.zeros((0, 28, 28, 1), np.int8), "output": np.zeros((0, 25), np.int8)},
            "not empty",
        ),
        (
            {"input": np.zeros((2, 28, 28, 1)), "output": np.zeros((2, 25), np.int8)},
            r"golden input must be int8 \(n, 28, 28, 1\) .*got float64",
        ),
    ],
    ids=["missing", "empty", "float"],
)
def test_golden_vectors_that_are_none(
    arrays: dict[str, Any], message: str, tmp_path: Path, signnet: Manifest
) -> None:
    import re

    folder = copy_model(signnet.folder, tmp_path / "copy")
    path = folder / "golden/vectors.npz"
    np.savez(path, **arrays)
    content = json.loads((folder / "model.json").read_text())
    content["files"]["golden"]["sha256"] = files.sha256_of(path)
    (folder / "model.json").write_text(json.dumps(content))
    found = only(golden.check(board_of(tmp_path, load_manifest(folder), device=STAND_IN)), ERROR)
    assert re.search(message, found.what)


def test_interrupts_of_the_dpu_are_counted(tmp_path: Path) -> None:
    text = "           CPU0  CPU1\n 52:  10  5  GICv2 121 Level zocl_cu[0]\n 53: 1 1 GICv2 122 eth0"
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/interrupts").write_text(text)
    board = board_of(tmp_path)
    assert golden._interrupts(board) == 10 + 5 + 121
    assert golden._called(board, 100) == "; DPU interrupts: 36"
    assert golden._called(board_of(tmp_path, device=STAND_IN), 100) == ""


def test_check_command(
    stand_in_board: StandInBoard, signnet: Manifest, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["check", str(signnet.folder), "--only", "libraries,firmware,device,model,golden"]
    firmware_file = stand_in_board.prefix / "run/media/mmcblk0p1/dpu.xclbin"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XLNX_VART_FIRMWARE", str(firmware_file))
        assert main([*options, "--json"]) == 0
        result = json.loads(capsys.readouterr().out)
        assert (result["ok"], result["errors"]) == (True, 0)
        assert result["device"]["kind"] == "stand-in"
        assert result["device"]["fingerprints"] == ["0x101000056010407"] * 2
        assert result["model"] == {"name": "signnet", "sha256": signnet.sha256}
        assert {"check", "level", "what", "why", "remedy"} == set(result["findings"][0])
        stand_in_board.change(wrong_output=0)
        assert main([*options[:-1], "golden"]) == 1
    text = capsys.readouterr().out
    assert "error    golden" in text and "mend: copy the model's folder again" in text
    assert text.rstrip().endswith("1 error, 0 warnings")


def test_check_command_on_a_machine_without_anything(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "target", "check", str(tmp_path), "--json"],
        capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 1 and done.stderr == ""
    found = [one["check"] for one in json.loads(done.stdout)["findings"] if one["level"] == ERROR]
    assert {"libraries", "device", "model", "firmware"} <= set(found)


def test_an_unknown_check_lists_the_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--only", "gpu"]) == 1
    assert f"check must be one of {', '.join(CHECKS)}, got 'gpu'" in capsys.readouterr().err


def test_a_check_that_fails_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(board: Board) -> list[Finding]:
        raise DataError("something is odd")

    monkeypatch.setitem(CHECKS, "clock", broken)
    found = only(check_board(board_of(tmp_path), "clock"), ERROR)
    assert found.what == "check could not be done: something is odd"


def test_findings_are_shown_with_why_and_remedy() -> None:
    findings = [
        Finding("disk", WARNING, "must have room", "logs cannot be written " * 8, "rm -r x"),
        Finding("clock", OK, "right"),
    ]
    lines = describe(findings).splitlines()
    assert lines[0] == "warning  disk   must have room"
    assert lines[1].startswith("                why: logs") and max(map(len, lines)) <= 110
    assert lines[-3:] == [
        "                mend: rm -r x",
        "ok       clock  right",
        "0 errors, 1 warning",
    ]
