"""The checks in order; what a later one needs is checked by an earlier one."""

from __future__ import annotations

from functools import partial
from typing import Callable, Dict, List, Optional

from target.check import (
    camera,
    clock,
    device,
    disk,
    display,
    firmware,
    golden,
    holders,
    image,
    libraries,
    memory,
    model,
    processor,
    sensors,
    variables,
)
from target.check.board import Board
from target.check.finding import Finding
from target.check.run import run_checks

CHECKS: Dict[str, Callable[[Board], List[Finding]]] = {
    "libraries": libraries.check,
    "image": image.check,
    "firmware": firmware.check,
    "device": device.check,
    "holders": holders.check,
    "variables": variables.check,
    "model": model.check,
    "memory": memory.check,
    "golden": golden.check,
    "camera": camera.check,
    "display": display.check,
    "processor": processor.check,
    "sensors": sensors.check,
    "disk": disk.check,
    "clock": clock.check,
}


def check_board(board: Board, only: Optional[str] = None) -> List[Finding]:
    """Run the checks.

    Args:
        board: To look at.
        only: Names, with commas between; all if None.

    Raises:
        DataError: If a name is unknown.
    """
    return run_checks({name: partial(check, board) for name, check in CHECKS.items()}, only)
