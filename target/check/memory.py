"""Memory: what the DPU needs in one piece, what the programs need, and whether any was killed for it."""

from __future__ import annotations

from typing import Dict, List, Optional

from target.check.board import Board
from target.check.finding import NOTE, WARNING, Finding, ok

NAME = "memory"
LEAST_AVAILABLE_MB = 200
_CORES = 2  # where the tools name none
_MB = 1 << 20


def check(board: Board) -> List[Finding]:
    """Compare free memory with the model's need."""
    memory = _meminfo(board)
    findings = [_contiguous(board, memory)]
    available = memory.get("MemAvailable")
    if available is not None and available < LEAST_AVAILABLE_MB * _MB:
        findings.append(
            Finding(
                NAME,
                WARNING,
                f"{LEAST_AVAILABLE_MB} MB must be available, got {available // _MB} MB",
                "OpenCV and numpy need it; the kernel kills programs when none is left",
                "stop what you do not need: systemctl stop weston; ps aux --sort=-rss | head",
            )
        )
    killed = _killed(board)
    if killed:
        findings.append(
            Finding(
                NAME,
                WARNING,
                f"the kernel must not have killed programs for lack of memory, got {killed}",
                "a program that vanishes without a word, and a DPU that fails, can be this",
                "dmesg | grep -i -e oom -e 'killed process'; free memory, or give cma= more",
            )
        )
    return findings


def _contiguous(board: Board, memory: Dict[str, int]) -> Finding:
    total, free = memory.get("CmaTotal"), memory.get("CmaFree")
    if not total or free is None:
        level = NOTE if board.is_stand_in else WARNING
        return Finding(
            NAME,
            level,
            "contiguous memory (CmaTotal in /proc/meminfo) must be there, got none",
            "the DPU reads and writes memory in one piece; the kernel must set it aside at boot",
            "boot with cma=512M in the kernel's command line",
        )
    need = cma_need(board)
    if need is None:
        return ok(NAME, f"{free // _MB} of {total // _MB} MB contiguous memory free")
    what = (
        f"{free // _MB} of {total // _MB} MB contiguous memory free, {board.threads} runners need"
    )
    if free < need:
        return Finding(
            NAME,
            WARNING,
            f"{need // _MB} MB contiguous memory must be free for {board.threads} runners,"
            f" got {free // _MB} of {total // _MB} MB",
            "VART aborts, or the kernel kills the program, when the DPU's buffers do not fit",
            "boot with cma=512M in the kernel's command line, stop other DPU programs, or use fewer threads",
        )
    return ok(NAME, f"{what} {need / _MB:.1f}")


def cma_need(board: Board) -> Optional[int]:
    """Return the bytes of contiguous memory that a model needs; None if the file cannot be read.

    Weights and code once, the workspace once a core, input and output once a runner.
    """
    if board.probe is None:
        return None
    cores = len(board.device.fingerprints) or _CORES
    factors = {"CONST": 1, "CODE": 1, "INTERFACE": board.threads}
    return sum(
        size * factors.get(kind, cores)
        for part in board.probe.parts
        for kind, size in part.sizes.items()
    )


def _meminfo(board: Board) -> Dict[str, int]:
    """Return /proc/meminfo in bytes."""
    found = {}
    for line in board.read("proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if words and words[0].isdigit():
            found[name] = int(words[0]) * (1024 if words[1:] == ["kB"] else 1)
    return found


def _killed(board: Board) -> int:
    for line in board.read("proc/vmstat").splitlines():
        name, _, value = line.partition(" ")
        if name == "oom_kill" and value.strip().isdigit():
            return int(value)
    return 0
