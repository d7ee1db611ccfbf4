"""The interpreter, and the modules that the application needs of it."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path
from typing import List, Tuple

from target.check.board import Board
from target.check.finding import ERROR, NOTE, Finding, ok
from target.runners.aborts import describe_end
from target.runners.device import last_words
from target.runners.interpreters import where_it_is

NAME = "libraries"
_TIMEOUT_S = 60
_REMEDIES = {
    "numpy": "dnf install python3-numpy",
    "cv2": "dnf install python3-opencv",
}
_REASONS = {
    "numpy": "every image is a numpy array",
    "cv2": "OpenCV reads cameras and videos and shrinks their frames",
    "xir": "it reads the compiled model",
    "vart": "it runs the model on the DPU",
}


def check(board: Board) -> List[Finding]:
    """Import each module in a child process: AMD's may abort where they are half installed."""
    findings = [_interpreter()]
    for module in ("numpy", "cv2", "xir", "vart"):
        good, said = _try(module)
        if good:
            findings.append(ok(NAME, f"{module} {said}".strip()))
            continue
        remedy = _REMEDIES.get(module) or _remedy(module, said, board.root)
        findings.append(
            Finding(
                NAME,
                ERROR,
                f"{module} must be importable by {board.python}, got {said}",
                _REASONS[module],
                remedy,
            )
        )
    return findings


def _interpreter() -> Finding:
    what = f"Python {platform.python_version()}, {sys.executable}"
    if platform.machine() not in ("aarch64", "arm64"):
        return Finding(NAME, NOTE, f"{what}: {platform.machine()}, not a ZCU104 (aarch64)")
    return ok(NAME, what)


def _try(module: str) -> Tuple[bool, str]:
    """Return whether a module can be imported, and its version or what went wrong."""
    code = f"import {module} as m; print(getattr(m, '__version__', ''))"
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return False, f"no answer within {_TIMEOUT_S} s"
    if done.returncode == 0:
        return True, done.stdout.decode("utf-8", "replace").strip()
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    return False, f"'{last_words(lines[-1:]) or describe_end(done.returncode)}'"


def _remedy(module: str, said: str, root: Path) -> str:
    if "cannot open shared object" in said:
        return (
            "install AMD's runtime whole: dnf install packagegroup-petalinux-vitisai; then ldconfig"
        )
    return where_it_is(module, root)
