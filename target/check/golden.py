"""The golden vectors through the DPU, bit for bit, in a process of its own."""

from __future__ import annotations

from typing import List, Optional, Tuple

from target.check.board import Board
from target.check.finding import ERROR, NOTE, Finding, ok
from target.errors import AppError, one_line
from target.manifest import Manifest
from target.measure.golden import Compared, compare_golden, load_golden
from target.runners.isolated import IsolatedRunner

NAME = "golden"
_WHY = "only equal codes prove that this board computes what the model's accuracy was measured with"


def check(board: Board) -> List[Finding]:
    """Run every vector; a library's abort is a finding."""
    if board.manifest is None:
        return [Finding(NAME, NOTE, "not run: there is no model")]
    before = _interrupts(board)
    try:
        compared, device = run_golden(board.manifest)
    except AppError as error:
        what = one_line(error) + _called(board, before)
        return [Finding(NAME, ERROR, what, _WHY, "mend the findings above first")]
    if not compared.wrong:
        what = f"{compared.vectors} vectors bit for bit on {device}{_called(board, before)}"
        return [ok(NAME, what)]
    return [
        Finding(
            NAME,
            ERROR,
            f"all {compared.vectors} golden vectors must give their codes, got {compared.wrong} that differ"
            f" (first: number {compared.first}) on {device}{_called(board, before)}",
            _WHY,
            "copy the model's folder again: make deploy; if it stays so, the DPU or its firmware"
            " is not that of the release the model was compiled for",
        )
    ]


def run_golden(manifest: Manifest, mode: str = "run") -> Tuple[Compared, str]:
    """Run a model's golden vectors through VART in a child process.

    Args:
        manifest: Of the model.
        mode: VART's.

    Returns:
        What came, and the device in words.

    Raises:
        ModelError: If the vectors are missing or not those of this model.
        BackendError: If the runner cannot be made or ends.
    """
    golden = load_golden(manifest)
    runner = IsolatedRunner(manifest, mode)
    try:
        return compare_golden(runner, golden), runner.device
    finally:
        runner.close()


def _called(board: Board, before: Optional[int]) -> str:
    """Return how often the DPU has called meanwhile: a DPU that hangs does not call."""
    after = _interrupts(board)
    if before is None or after is None or board.is_stand_in:
        return ""
    return f"; DPU interrupts: {after - before}"


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
