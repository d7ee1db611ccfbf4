"""The checks in order; what a later one needs is checked by an earlier one."""

from __future__ import annotations

from typing import Callable, Dict, List, Optional, Sequence

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
from target.check.finding import ERROR, Finding
from target.errors import AppError, DataError, one_line

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


def run_checks(board: Board, only: Optional[Sequence[str]] = None) -> List[Finding]:
    """Run the checks; one that cannot do its work is a finding too.

    Args:
        board: To look at.
        only: Names; all if None.

    Raises:
        DataError: If a name is unknown.
    """
    for name in only or ():
        if name not in CHECKS:
            raise DataError(f"check must be one of {', '.join(CHECKS)}, got '{name}'")
    findings: List[Finding] = []
    for name, check in CHECKS.items():
        if only is not None and name not in only:
            continue
        try:
            findings += check(board)
        except (AppError, OSError, ValueError) as error:
            findings.append(
                Finding(
                    name,
                    ERROR,
                    f"check could not be done: {one_line(error)}",
                    "what it looks at stays unknown",
                    "run it again as root",
                )
            )
    return findings
