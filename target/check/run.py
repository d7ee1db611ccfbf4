"""Runs checks by name; the board's command and the workstation's share it. Standard library only."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Callable, Iterable, List, Mapping, Optional

from target.check.finding import ERROR, Finding
from target.command_line import count
from target.errors import AppError, DataError, one_line

Check = Callable[[], List[Finding]]


def add_check_options(parser: argparse.ArgumentParser, names: Iterable[str]) -> None:
    """Add what every command that checks takes."""
    parser.add_argument("--only", help=f"of {', '.join(names)}; all if not given")
    parser.add_argument(
        "--threads", type=count, default=8, help="VART runners at a time, for the memory they need"
    )
    parser.add_argument(
        "--root", type=Path, default=Path("/"), help="where /etc, /proc and /sys are"
    )


def run_checks(checks: Mapping[str, Check], only: Optional[str] = None) -> List[Finding]:
    """Run checks in order; one that cannot do its work is a finding too.

    Args:
        checks: By name.
        only: Names, with commas between; all if None.

    Raises:
        DataError: If a name is unknown.
    """
    names = list(checks) if only is None else [name.strip() for name in only.split(",")]
    for name in names:
        if name not in checks:
            raise DataError(f"check must be one of {', '.join(checks)}, got '{name}'")
    return [finding for name in checks if name in names for finding in _run(name, checks[name])]


def _run(name: str, check: Check) -> List[Finding]:
    try:
        return check()
    except (ImportError, AppError, OSError, ValueError) as error:
        remedy = "run it again as root"
        if isinstance(error, ImportError):
            remedy = (
                "install what is missing; on a workstation make setup, then use .venv/bin/python"
            )
        what = f"check could not be done: {one_line(error)}"
        return [Finding(name, ERROR, what, "what it looks at stays unknown", remedy)]
