"""Environment variables that change what VART does."""

from __future__ import annotations

from typing import Dict, List

from target.check.board import Board
from target.check.finding import ERROR, WARNING, Finding, ok

NAME = "variables"
TIMEOUT = "XLNX_DPU_TIMEOUT"
LEAST_TIMEOUT_MS = 1000
# What may stay set after a search for a defect: each makes every frame slower or fills the disk.
_SLOW: Dict[str, str] = {
    "XLNX_ENABLE_DUMP": "writes every tensor of every frame to disk",
    "XLNX_ENABLE_DEBUG_MODE": "runs the network layer by layer",
    "XLNX_SHOW_DPU_COUNTER": "writes counters for every frame",
    "DEBUG_RUNNER": "logs every call",
    "DEBUG_DPU_RUNNER": "logs every job",
    "DEBUG_DPU_CONTROLLER": "logs every job",
    "DEBUG_XRT_DEVICE_HANDLE": "logs every access to the device",
    "DEEPHI_PROFILING": "logs the time of every call",
    "VAI_TRACE_ENABLE": "traces every call",
}
_OFF = ("", "0")


def check(board: Board) -> List[Finding]:
    """Look for settings that hide a mismatch, make the DPU give up too soon, or slow every frame."""
    findings = _timeout(board) + _fingerprint(board) + _dry_run(board)
    for name, effect in _SLOW.items():
        if board.environment.get(name, "") not in _OFF:
            findings.append(
                Finding(
                    NAME,
                    WARNING,
                    f"{name} must not be set, got {board.environment[name]}",
                    f"it {effect}",
                    f"unset {name}",
                )
            )
    for name, what in (("XLNX_ENABLE_DEVICES", "devices"), ("XLNX_DPU_DEVICE_CORES", "cores")):
        value = board.environment.get(name, "ALL")
        if value not in ("", "ALL"):
            findings.append(
                Finding(
                    NAME,
                    WARNING,
                    f"{name} must be ALL or unset, got {value}",
                    f"only these {what} are used: throughput is that of fewer",
                    f"unset {name}",
                )
            )
    return findings or [ok(NAME, "none is set that changes what VART does")]


def _timeout(board: Board) -> List[Finding]:
    value = board.environment.get(TIMEOUT)
    if value is None:
        return []
    level, why = "", ""
    if not value.isdigit():
        level, why = ERROR, "VART cannot read it"
    elif int(value) < LEAST_TIMEOUT_MS:
        level, why = (
            WARNING,
            "VART aborts the program when a job takes longer, as the first one may",
        )
    if not level:
        return []
    what = f"{TIMEOUT} must be at least {LEAST_TIMEOUT_MS} ms, got {value}"
    return [Finding(NAME, level, what, why, f"unset {TIMEOUT} (VART then waits 10000 ms)")]


def _fingerprint(board: Board) -> List[Finding]:
    name = "XLNX_ENABLE_FINGERPRINT_CHECK"
    if board.environment.get(name) != "0":
        return []
    why = "a model for another DPU then gives wrong letters or stops the DPU, instead of a message"
    return [Finding(NAME, WARNING, f"{name} must be 1 or unset, got 0", why, f"unset {name}")]


def _dry_run(board: Board) -> List[Finding]:
    name = "DEBUG_DPU_RUNNER_DRY_RUN"
    if board.environment.get(name, "") in _OFF:
        return []
    why = "VART then does everything but run the DPU: all letters are wrong"
    return [Finding(NAME, ERROR, f"{name} must not be set", why, f"unset {name}")]
