"""Boards for the tests of the checks: a tree of files, a device's answer, an environment."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from target.check.board import Board
from target.check.finding import Finding
from target.manifest import Manifest
from target.runners.device import Device
from tests.target.stand_ins import FakeMachine

RELEASE_3 = 0x101000056010407
ZCU104 = Device("xdputil query", (RELEASE_3,) * 2, "DPUCZDX8G_ISA1_B4096", 300, "3.0.0")
STAND_IN = Device(
    "xdputil query", (RELEASE_3,) * 2, "DPUCZDX8G_ISA1_B4096", 300, "3.0.0", "stand-in"
)
NO_DEVICE = Device("xdputil query", trouble="xdputil query found no DPU: no device is available")


def board_of(root: Path, manifest: Manifest | None = None, **changes: Any) -> Board:
    """Return a board with two cores of Vitis AI 3.0, no variables, and the files below a root."""
    values: dict[str, Any] = {
        "device": ZCU104,
        "manifest": manifest,
        "root": root,
        "environment": {},
    }
    return Board(**{**values, **changes})


def healthy(root: Path) -> FakeMachine:
    """Make the files of a ZCU104 with AMD's image on which all is well."""
    machine = FakeMachine(root)
    for path, content in {
        "proc/device-tree/model": "ZynqMP ZCU104 RevC\0",
        "etc/os-release": 'ID=petalinux\nPRETTY_NAME="PetaLinux 2022.2_release_S10071807 (honister)"',
        "etc/vart.conf": "firmware: /run/media/mmcblk0p1/dpu.xclbin",
        "proc/meminfo": "MemAvailable: 1500000 kB\nCmaTotal: 524288 kB\nCmaFree: 500000 kB",
        "proc/vmstat": "nr_free_pages 1\noom_kill 0",
        "proc/loadavg": "0.10 0.20 0.30 1/100 999",
        "sys/class/drm/card0-DP-1/status": "connected",
        "sys/class/thermal/thermal_zone0/temp": "45000",
    }.items():
        machine.write(path, content)
    (root / "tmp").mkdir()
    machine.hwmon(0, "ina226_u183", power1_input=9500000)
    firmware = root / "run/media/mmcblk0p1/dpu.xclbin"
    firmware.parent.mkdir(parents=True)
    firmware.write_bytes(b"xclbin2\0...")
    return machine


def only(findings: list[Finding], level: str) -> Finding:
    """Return the one finding of a level."""
    found = [finding for finding in findings if finding.level == level]
    assert len(found) == 1, findings
    return found[0]


def levels(findings: list[Finding]) -> list[str]:
    """Return the levels of findings."""
    return [finding.level for finding in findings]


def copy_model(folder: Path, to: Path) -> Path:
    """Return a model's folder that a test may change."""
    shutil.copytree(folder, to)
    return to
