"""requirements.lock: pinned, hashed, and without an address of any registry or machine."""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINES = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
PINS = [line for line in LINES if re.match(r"^[A-Za-z0-9]", line)]


def test_lock_names_no_index_no_url_no_path() -> None:
    for line in LINES:
        assert "://" not in line and "--index" not in line and "--find-links" not in line, line
        assert not re.search(r"(^|\s)@\s|(^|[\s=])(/|\./|\.\./|~)", line.split("#")[0]), line


def test_every_package_is_pinned_and_hashed() -> None:
    assert len(PINS) > 20
    blocks = "\n".join(LINES).replace("\\\n", " ").splitlines()
    for block in blocks:
        if re.match(r"^[A-Za-z0-9]", block):
            assert re.match(r"^[A-Za-z0-9_.-]+==[^\s;]+", block), block
            assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block


def test_installed_packages_are_those_of_the_lock() -> None:
    for line in PINS:
        name, version = re.match(r"^([A-Za-z0-9_.-]+)==([^\s;]+)", line).groups()  # type: ignore[union-attr]
        marker = line.partition(";")[2]
        if "python_full_version >= '3.12'" in marker and sys.version_info < (3, 12):
            continue
        if "python_full_version < '3.12'" in marker and sys.version_info >= (3, 12):
            continue
        if "win32" in marker:
            continue
        assert metadata.version(name) == version
