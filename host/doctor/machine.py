"""The machine: memory and disk for training, programs that other commands start, cameras, clock."""

from __future__ import annotations

import shutil
from typing import Any

from host.doctor.workstation import Workstation
from target.check import camera, display, processor
from target.check.board import Board
from target.check.finding import ERROR, NOTE, WARNING, Finding, ok
from target.runners.device import Device

NAME = "machine"
LEAST_DISK_MB, FEW_DISK_MB = 500, 4000  # caches of data and TensorFlow; a training's checkpoints
LEAST_MEMORY_MB = 3000  # a training of signnet
_PROGRAMS = {
    "ssh": "make deploy, make doctor BOARD_IP=...: apt install openssh-client",
    "ssh-keyscan": "make board-trust: apt install openssh-client",
    "git": "versions in records: apt install git",
}


def check(machine: Workstation) -> list[Finding]:
    """Look at what commands need besides Python."""
    return [_disk(machine), *_memory(machine), *_programs(machine), *_as_a_board(machine)]


def _disk(machine: Workstation) -> Finding:
    free = shutil.disk_usage(machine.project).free >> 20
    level = ERROR if free < LEAST_DISK_MB else WARNING if free < FEW_DISK_MB else ""
    if not level:
        return ok(NAME, f"{free} MB of disk left")
    return Finding(
        NAME,
        level,
        f"disk must have {FEW_DISK_MB} MB left, got {free} MB in {machine.project}",
        "training writes checkpoints and caches of the data",
        "make clean removes what was built",
    )


def _memory(machine: Workstation) -> list[Finding]:
    board = _board(machine)
    for line in board.read("proc/meminfo").splitlines():
        words = line.split()
        if words[0] == "MemAvailable:" and int(words[1]) >> 10 < LEAST_MEMORY_MB:
            return [
                Finding(
                    NAME,
                    WARNING,
                    f"memory must have {LEAST_MEMORY_MB} MB available to train, got"
                    f" {int(words[1]) >> 10} MB",
                    "the kernel ends programs when none is left",
                    "close what you do not need",
                )
            ]
    return []


def _programs(machine: Workstation) -> list[Finding]:
    path = machine.environment.get("PATH")
    return [
        Finding(NAME, NOTE, f"{name} is not installed; needed for {what}")
        for name, what in _PROGRAMS.items()
        if shutil.which(name, path=path) is None
    ]


def _as_a_board(machine: Workstation) -> list[Finding]:
    """Look at what the live demo needs here as it does on a board."""
    board = _board(machine)
    checks: tuple[Any, ...] = (camera, display, processor)
    return [finding for one in checks for finding in one.check(board)]


def _board(machine: Workstation) -> Board:
    nothing = Device("", trouble="a workstation")
    return Board(nothing, None, "", machine.root, machine.environment)
