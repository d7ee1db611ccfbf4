"""Who else has the DPU open: a program that hangs or died there can keep it."""

from __future__ import annotations

import os
from typing import List, Tuple

from target.check.board import Board
from target.check.finding import NOTE, WARNING, Finding, ok

NAME = "holders"
_DEVICES = ("/dev/dri/renderD", "/dev/dpu", "/dev/xclmgmt")
_STUCK = ("D", "Z")  # waits for the kernel; died and nobody asked


def check(board: Board) -> List[Finding]:
    """Name every other process with a device file of the DPU, by /proc."""
    found = _holders(board)
    if not found:
        return [ok(NAME, "no other program has the DPU open")]
    findings = []
    for process, name, state in found:
        what = f"process {process} ({name}) has the DPU open"
        if state in _STUCK:
            findings.append(
                Finding(
                    NAME,
                    WARNING,
                    f"{what} and does not end (state {state})",
                    "the DPU may not answer anybody else",
                    "switch the board off and on",
                )
            )
        elif board.device.fingerprint is None:
            findings.append(
                Finding(
                    NAME, WARNING, what, "the DPU answers nobody else just now", f"kill {process}"
                )
            )
        else:
            findings.append(Finding(NAME, NOTE, f"{what}; times measured now share it"))
    return findings


def _holders(board: Board) -> List[Tuple[int, str, str]]:
    """Return process, name and state of each; those of other users are seen by root only."""
    found = []
    for folder in sorted((board.root / "proc").glob("[0-9]*")):
        process = int(folder.name)
        if process in (os.getpid(), os.getppid()) or not _has_device(str(folder / "fd")):
            continue
        status = board.read(f"proc/{process}/status").splitlines()
        facts = dict(line.split(":\t", 1) for line in status if ":\t" in line)
        found.append((process, facts.get("Name", "?"), facts.get("State", "?")[:1]))
    return found


def _has_device(folder: str) -> bool:
    try:
        names = os.listdir(folder)
    except OSError:
        return False
    for name in names:
        try:
            if os.readlink(os.path.join(folder, name)).startswith(_DEVICES):
                return True
        except OSError:
            continue
    return False
