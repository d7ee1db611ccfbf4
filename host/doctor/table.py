"""The checks of a workstation in order; each is imported on first use, as packages may be missing."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from host.doctor.workstation import Workstation
from target.check.finding import ERROR, Finding
from target.errors import AppError, DataError, one_line

CHECKS = {
    "python": "host.doctor.python",
    "machine": "host.doctor.machine",
    "data": "host.doctor.data",
    "models": "host.doctor.models",
    "container": "host.doctor.container",
    "arch": "host.doctor.arch",
}


def run_checks(machine: Workstation, only: Sequence[str] | None = None) -> list[Finding]:
    """Run the checks; one that cannot do its work is a finding too.

    Args:
        machine: To look at.
        only: Names; all if None.

    Raises:
        DataError: If a name is unknown.
    """
    for name in only or ():
        if name not in CHECKS:
            raise DataError(f"check must be one of {', '.join(CHECKS)}, got '{name}'")
    findings: list[Finding] = []
    for name, module in CHECKS.items():
        if only is None or name in only:
            findings += _run(name, module, machine)
    return findings


def _run(name: str, module: str, machine: Workstation) -> list[Finding]:
    try:
        found: list[Finding] = importlib.import_module(module).check(machine)
        return found
    except (ImportError, AppError, OSError, ValueError) as error:
        remedy = "make setup, then use .venv/bin/python" if isinstance(error, ImportError) else ""
        return [
            Finding(
                name,
                ERROR,
                f"check could not be done: {one_line(error)}",
                "what it looks at stays unknown",
                remedy,
            )
        ]
