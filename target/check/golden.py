"""The golden vectors through the DPU, bit for bit, in a process of its own."""

from __future__ import annotations

import zipfile
from typing import Dict, List, Optional, Tuple

import numpy as np

from target.check.board import Board
from target.check.finding import ERROR, NOTE, Finding, ok
from target.errors import AppError, ModelError, one_line
from target.manifest import Manifest
from target.runners.isolated import IsolatedRunner

NAME = "golden"
_WHY = "only equal codes prove that this board computes what the model's accuracy was measured with"


def check(board: Board) -> List[Finding]:
    """Run every vector; a library's abort is a finding."""
    if board.manifest is None:
        return [Finding(NAME, NOTE, "not run: there is no model")]
    before = _interrupts(board)
    try:
        wrong, rows, device = run_golden(board.manifest)
    except AppError as error:
        what = one_line(error) + _called(board, before)
        return [Finding(NAME, ERROR, what, _WHY, "mend the findings above first")]
    if not wrong:
        return [ok(NAME, f"{rows} vectors bit for bit on {device}{_called(board, before)}")]
    return [
        Finding(
            NAME,
            ERROR,
            f"all {rows} golden vectors must give their codes, got {len(wrong)} that differ"
            f" (first: row {wrong[0]}) on {device}{_called(board, before)}",
            _WHY,
            "copy the model's folder again: make deploy; if it stays so, the DPU or its firmware"
            " is not that of the release the model was compiled for",
        )
    ]


def _called(board: Board, before: Optional[int]) -> str:
    """Return how often the DPU has called meanwhile: a DPU that hangs does not call."""
    after = _interrupts(board)
    if before is None or after is None or board.is_stand_in:
        return ""
    return f"; DPU interrupts: {after - before}"


def run_golden(manifest: Manifest, mode: str = "run") -> Tuple[List[int], int, str]:
    """Run a model's golden vectors through VART in a child process.

    Args:
        manifest: Of the model.
        mode: VART's.

    Returns:
        Rows whose codes differ, number of rows, the device in words.

    Raises:
        ModelError: If the vectors are missing or not those of this model.
        BackendError: If the runner cannot be made or ends.
    """
    vectors = _vectors(manifest)
    runner = IsolatedRunner(manifest, mode)
    try:
        wrong = []
        for row, (codes, expected) in enumerate(zip(vectors["input"], vectors["output"])):
            got = runner.infer(np.array(codes[None]))
            if not np.array_equal(got.ravel(), expected.ravel()):
                wrong.append(row)
        return wrong, len(vectors["input"]), runner.device
    finally:
        runner.close()


def _vectors(manifest: Manifest) -> Dict[str, np.ndarray]:
    manifest.verify("golden")
    path = manifest.file("golden")
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {key: file[key] for key in ("input", "output")}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"golden vectors must be an .npz with input and output, got '{error}' in {path}"
        ) from error
    size, outputs, rows = manifest.input_size, len(manifest.classes), len(found["input"])
    wanted = {"input": (rows, size, size, 1), "output": (rows, outputs)}
    for key, shape in wanted.items():
        if found[key].dtype != np.int8 or found[key].shape != shape or not rows:
            raise ModelError(
                f"golden {key} must be int8 {shape} with at least one row, got"
                f" {found[key].dtype} {found[key].shape} in {path}; run make compile"
            )
    return found


def _interrupts(board: Board) -> Optional[int]:
    """Return how often the DPU has called since boot; None if /proc/interrupts names none."""
    total, seen = 0, False
    for line in board.read("proc/interrupts").splitlines():
        if any(name in line.lower() for name in ("zocl", "dpu")):
            seen = True
            total += sum(
                int(part) for part in line.split()[1:] if part.isdigit() and len(part) < 18
            )
    return total if seen else None
