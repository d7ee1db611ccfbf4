"""The interpreter and its packages: are they those of requirements.lock. Standard library only."""

from __future__ import annotations

import importlib
import platform
import re
import sys
from importlib import metadata
from pathlib import Path

from host.doctor.workstation import Workstation
from target.check.finding import ERROR, WARNING, Finding, ok

NAME = "python"
LEAST = (3, 11)
_LINE = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)\s*(?:;\s*([^\\]*))?")


def check(machine: Workstation) -> list[Finding]:
    """Compare the installed packages with the pinned ones."""
    findings = [_interpreter()]
    lock = machine.project / "requirements.lock"
    if not lock.is_file():
        return [
            *findings,
            Finding(
                NAME,
                ERROR,
                f"requirements.lock must be there, got none at {lock}",
                "it says which packages this was tested with",
                "git checkout requirements.lock",
            ),
        ]
    wanted = pinned(lock)
    found = {name: _installed(name) for name in wanted}
    missing = sorted(name for name, version in found.items() if version is None)
    others = [
        f"{name} {found[name]} (pinned {version})"
        for name, version in wanted.items()
        if found[name] not in (None, version)
    ]
    if missing:
        findings.append(
            Finding(
                NAME,
                ERROR,
                f"packages must be installed, got none of {', '.join(missing[:8])}"
                + (f" and {len(missing) - 8} more" if len(missing) > 8 else ""),
                f"{sys.executable} runs without them; commands fail where they are used",
                "make setup, then use .venv/bin/python",
            )
        )
    if others:
        findings.append(
            Finding(
                NAME,
                WARNING,
                f"packages must have the pinned versions, got {', '.join(others[:8])}",
                "results were made and tested with the pinned ones",
                "rm -r .venv; make setup, then use .venv/bin/python",
            )
        )
    if not missing and not others:
        findings.append(ok(NAME, f"{len(wanted)} packages as pinned"))
    return findings


def _interpreter() -> Finding:
    version = platform.python_version()
    if sys.version_info >= LEAST:
        return ok(NAME, f"Python {version}, {sys.executable}")
    return Finding(
        NAME,
        ERROR,
        f"Python must be 3.11 or newer, got {version} ({sys.executable})",
        "TensorFlow and Keras of requirements.lock are not made for it",
        "install python3.11, then make setup PYTHON3=python3.11",
    )


def pinned(lock: Path) -> dict[str, str]:
    """Return the versions of a lock file that apply to this machine, by package."""
    found = {}
    for line in lock.read_text(encoding="utf-8").splitlines():
        match = _LINE.match(line)
        if match and _applies(match[3] or ""):
            found[match[1]] = match[2]
    return found


def _applies(marker: str) -> bool:
    """Return whether a line is meant for this machine; those with a condition need a package to tell."""
    if not marker.strip():
        return True
    try:
        markers = importlib.import_module("packaging.markers")
    except ImportError:  # then others are missing too
        return False
    return bool(markers.Marker(marker.strip()).evaluate())


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
