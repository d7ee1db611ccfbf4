"""Checks of the machine: memory, variables, holders, processor, sensors, disk, clock, image, display."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from target.check import (
    clock,
    disk,
    display,
    holders,
    image,
    memory,
    processor,
    sensors,
    variables,
)
from target.check.finding import ERROR, NOTE, OK, WARNING
from target.manifest import Manifest, load_manifest
from target.runners.device import Device
from tests.board_stand_ins.install import StandInBoard
from tests.target.check.boards import NO_DEVICE, STAND_IN, board_of, healthy, levels, only


@pytest.fixture
def signnet(released: dict[str, Path]) -> Manifest:
    return load_manifest(released["signnet"])


@pytest.mark.parametrize("module", [image, holders, variables, processor, sensors, disk, memory])
def test_a_healthy_board_has_nothing_but_ok(module: Any, tmp_path: Path) -> None:
    healthy(tmp_path)
    assert set(levels(module.check(board_of(tmp_path)))) == {OK}


def test_a_models_need_of_contiguous_memory_by_amds_formula(
    stand_in_board: StandInBoard, signnet: Manifest, tmp_path: Path
) -> None:
    machine = healthy(tmp_path / "root")
    board = board_of(tmp_path / "root", signnet, threads=3)
    # signnet: weights 184320, workspace 49664 on each of 2 cores, input 832 and output 64 of 3 runners
    assert memory.cma_need(board) == 184320 + 2 * 49664 + 3 * (832 + 64)
    assert "3 runners need 0.3" in only(memory.check(board), OK).what
    machine.write("proc/meminfo", "CmaTotal: 4096 kB\nCmaFree: 200 kB\nMemAvailable: 900000 kB")
    found = only(memory.check(board), WARNING)
    assert "0 MB contiguous memory must be free for 3 runners, got 0 of 4 MB" in found.what
    assert "cma=512M" in found.remedy


def test_memory_without_contiguous_part_and_killed_programs(tmp_path: Path) -> None:
    machine = healthy(tmp_path)
    machine.write("proc/meminfo", "MemAvailable: 100000 kB")
    machine.write("proc/vmstat", "oom_kill 3")
    findings = memory.check(board_of(tmp_path))
    assert [finding.what for finding in findings] == [
        "contiguous memory (CmaTotal in /proc/meminfo) must be there, got none",
        "200 MB must be available, got 97 MB",
        "the kernel must not have killed programs for lack of memory, got 3",
    ]
    assert levels(findings) == [WARNING] * 3
    assert memory.check(board_of(tmp_path, device=STAND_IN))[0].level == NOTE


@pytest.mark.parametrize(
    ("name", "value", "level", "part"),
    [
        ("XLNX_DPU_TIMEOUT", "50", WARNING, "must be at least 1000 ms, got 50"),
        ("XLNX_DPU_TIMEOUT", "10s", ERROR, "got 10s"),
        ("XLNX_ENABLE_FINGERPRINT_CHECK", "0", WARNING, "must be 1 or unset"),
        ("DEBUG_DPU_RUNNER_DRY_RUN", "1", ERROR, "must not be set"),
        ("XLNX_ENABLE_DUMP", "1", WARNING, "must not be set, got 1"),
        ("XLNX_DPU_DEVICE_CORES", "0", WARNING, "must be ALL or unset, got 0"),
    ],
)
def test_variables(name: str, value: str, level: str, part: str, tmp_path: Path) -> None:
    (found,) = variables.check(board_of(tmp_path, environment={name: value}))
    assert found.level == level and part in found.what and f"unset {name}" in found.remedy
    assert found.why


@pytest.mark.parametrize(
    ("name", "value"),
    [("XLNX_DPU_TIMEOUT", "10000"), ("XLNX_ENABLE_DUMP", "0"), ("XLNX_ENABLE_DEVICES", "ALL")],
)
def test_variables_that_change_nothing(name: str, value: str, tmp_path: Path) -> None:
    assert levels(variables.check(board_of(tmp_path, environment={name: value}))) == [OK]


def _holder(root: Path, process: int, state: str, device: str = "/dev/dri/renderD128") -> None:
    folder = root / f"proc/{process}/fd"
    folder.mkdir(parents=True)
    (folder / "5").symlink_to(device)
    (root / f"proc/{process}/status").write_text(f"Name:\told\nState:\t{state} (x)\n")


def test_holders_of_the_dpu(tmp_path: Path) -> None:
    _holder(tmp_path, 4321, "S")
    _holder(tmp_path, 4322, "S", "/dev/null")
    _holder(tmp_path, os.getpid(), "R")  # this one does not count
    found = only(holders.check(board_of(tmp_path)), NOTE)
    assert "process 4321 (old) has the DPU open" in found.what
    found = only(holders.check(board_of(tmp_path, device=NO_DEVICE)), WARNING)
    assert found.remedy == "kill 4321"


@pytest.mark.parametrize("state", ["D", "Z"])
def test_a_process_that_does_not_end_needs_a_power_cycle(state: str, tmp_path: Path) -> None:
    _holder(tmp_path, 77, state)
    found = only(holders.check(board_of(tmp_path)), WARNING)
    assert f"does not end (state {state})" in found.what and "off and on" in found.remedy


def test_processor(tmp_path: Path) -> None:
    machine = healthy(tmp_path)
    machine.cpu(1, "cpufreq/scaling_governor", "schedutil")
    machine.write("sys/class/thermal/thermal_zone1/temp", "91000")
    machine.write("proc/loadavg", "999.5 1 1 1/1 1")
    findings = processor.check(board_of(tmp_path))
    assert levels(findings) == [WARNING] * 3
    assert [finding.what.split("got ")[1] for finding in findings] == ["schedutil", "91", "999.5"]
    assert "echo performance | tee /sys/devices/system/cpu/cpu*" in findings[0].remedy


def test_sensors(tmp_path: Path) -> None:
    healthy(tmp_path)
    assert "9.50 W" in only(sensors.check(board_of(tmp_path)), OK).what
    found = only(sensors.check(board_of(tmp_path / "none")), NOTE)
    assert "modprobe ina2xx" in found.what


@pytest.mark.parametrize(
    ("free_mb", "inodes", "level"), [(5, 10, ERROR), (150, 10, WARNING), (5000, 0, WARNING)]
)
def test_disk(
    free_mb: int, inodes: int, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = os.statvfs_result((4096, 1 << 20, 0, 0, free_mb, 100, inodes, inodes, 0, 255))
    monkeypatch.setattr("os.statvfs", lambda place: facts)
    found = only(disk.check(board_of(tmp_path)), level)
    assert found.why and found.remedy.startswith(("journalctl", "find", "du"))


def test_clock(tmp_path: Path, signnet: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    assert levels(clock.check(board_of(tmp_path, signnet))) == [OK]
    monkeypatch.setattr("time.time", lambda: 1_600_000_000.0)
    found = only(clock.check(board_of(tmp_path, signnet)), WARNING)
    assert "got 2020-09-13 12:26:40" in found.what and "timedatectl set-ntp true" in found.remedy


@pytest.mark.parametrize(
    ("version", "fingerprint", "level", "part"),
    [
        ("2022.2", 0x101000056010407, OK, "PetaLinux 2022.2, Vitis AI 3.0"),
        ("2022.1", 0x101000016010407, OK, "Vitis AI 2.5"),
        ("2021.2", 0x1000020F6014407, OK, "Vitis AI 1.4 to 2.0"),
        ("2022.2", 0x101000016010407, WARNING, "DPU of Vitis AI 3.0, got that of Vitis AI 2.5"),
        ("2023.1", 0x101000056010407, WARNING, "DPU of Vitis AI 3.5, got that of Vitis AI 3.0"),
        ("2019.2", 0x101000056010407, OK, "PetaLinux 2019.2"),
    ],
)
def test_image(version: str, fingerprint: int, level: str, part: str, tmp_path: Path) -> None:
    healthy(tmp_path).write("etc/os-release", f'PRETTY_NAME="PetaLinux {version}_release_S1"')
    device = Device("show_dpu", (fingerprint,))
    found = image.check(board_of(tmp_path, device=device))[1]
    assert found.level == level and part in found.what


def test_another_board_and_another_system(tmp_path: Path) -> None:
    healthy(tmp_path).write("proc/device-tree/model", "Raspberry Pi 4")
    (tmp_path / "etc/os-release").write_text('PRETTY_NAME="Ubuntu 22.04"\n')
    findings = image.check(board_of(tmp_path))
    assert levels(findings) == [NOTE, NOTE]
    assert "got 'Raspberry Pi 4'" in findings[0].what and "Ubuntu 22.04" in findings[1].what


def test_display(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = healthy(tmp_path)
    monkeypatch.setattr("target.check.display.has_windows", lambda: True)
    found = display.check(board_of(tmp_path, environment={"DISPLAY": ":0"}))
    assert levels(found) == [OK, OK]
    machine.write("sys/class/drm/card0-DP-1/status", "disconnected")
    machine.write("proc/55/comm", "weston")
    monkeypatch.setattr("target.check.display.has_windows", lambda: False)
    found = display.check(board_of(tmp_path))
    assert levels(found) == [NOTE] * 3
    assert "got none at card0-DP-1" in found[0].what and "http://:8080" in found[0].what
    assert "DISPLAY is not set, as over ssh" in found[1].what
