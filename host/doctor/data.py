"""Data sets: is there one to train on."""

from __future__ import annotations

import zipfile

from host.doctor.workstation import Workstation
from target.check.finding import ERROR, NOTE, Finding, ok

NAME = "data"
_HOW = "python -m host data says how to get it; make demo DATA=hands needs none"


def check(machine: Workstation) -> list[Finding]:
    """Look for archives; a damaged one is found by reading its table of contents."""
    place = machine.project / machine.data
    if place.is_file():
        archives = [place]
    else:
        archives = sorted(p for p in place.glob("*") if p.suffix in (".zip", ".csv", ".npz"))
    if not archives:
        return [Finding(NAME, NOTE, f"no data set in {place}: training draws hands; {_HOW}")]
    findings = []
    for path in archives:
        if path.suffix != ".csv" and not zipfile.is_zipfile(path):
            findings.append(
                Finding(
                    NAME,
                    ERROR,
                    f"archive must be whole, got a damaged one at {path}",
                    "training stops when it reads it",
                    f"fetch it again; {_HOW}",
                )
            )
        else:
            findings.append(ok(NAME, f"{path}, {path.stat().st_size >> 20} MB"))
    return findings
