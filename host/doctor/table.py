"""The checks of a workstation in order; each is imported on first use, as packages may be missing."""

from __future__ import annotations

import importlib
from functools import partial

from host.doctor.workstation import Workstation
from target.check.finding import Finding
from target.check.run import run_checks

CHECKS = {
    "python": "host.doctor.python",
    "machine": "host.doctor.machine",
    "data": "host.doctor.data",
    "models": "host.doctor.models",
    "container": "host.doctor.container",
    "arch": "host.doctor.arch",
}


def check_workstation(machine: Workstation, only: str | None = None) -> list[Finding]:
    """Run the checks.

    Args:
        machine: To look at.
        only: Names, with commas between; all if None.

    Raises:
        DataError: If a name is unknown.
    """
    return run_checks({name: partial(_run, name, machine) for name in CHECKS}, only)


def _run(name: str, machine: Workstation) -> list[Finding]:
    found: list[Finding] = importlib.import_module(CHECKS[name]).check(machine)
    return found
