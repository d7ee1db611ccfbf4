"""The unit, as systemd's own verifier reads it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

FILES = Path(__file__).resolve().parents[3] / "host/deploy/files"
ANALYZE = shutil.which("systemd-analyze")
pytestmark = pytest.mark.skipif(
    ANALYZE is None, reason="systemd-analyze is not installed: make apt"
)


def _verify(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ANALYZE), "verify", "--man=no", str(path)], capture_output=True, text=True, check=False
    )


def _installed(folder: Path, text: str) -> Path:
    """Write the unit with an interpreter that is here."""
    path = folder / "asl.service"
    python = shutil.which("python3") or "/bin/sh"
    path.write_text(text.replace("/usr/bin/python3", python), encoding="utf-8")
    return path


def test_unit_passes_systemds_verifier(tmp_path: Path) -> None:
    done = _verify(_installed(tmp_path, (FILES / "asl.service").read_text(encoding="utf-8")))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("old", "new"),
    [("WatchdogSec=30", "WatchdogSeconds=30"), ("ProtectSystem=strict", "ProtectSystem=stirct"),
     ("ExecStart=/usr/bin/python3", "ExecStart=/none/python3")],
    ids=["key", "value", "program"],
)  # fmt: skip
def test_verifier_finds_a_mistake(tmp_path: Path, old: str, new: str) -> None:
    text = (FILES / "asl.service").read_text(encoding="utf-8")
    assert old in text
    done = _verify(_installed(tmp_path, text.replace(old, new)))
    assert done.returncode or done.stderr


def test_unit_keeps_its_promises(tmp_path: Path) -> None:
    text = (FILES / "asl.service").read_text(encoding="utf-8")
    for line in (
        "Type=notify", "WatchdogSec=30", "Restart=always", "StartLimitIntervalSec=0", "DynamicUser=yes",
        "SupplementaryGroups=video", "ProtectSystem=strict", "MemoryMax=512M", "LogRateLimitBurst=200",
        "WantedBy=multi-user.target", "CapabilityBoundingSet=", "NoNewPrivileges=yes",
    ):  # fmt: skip
        assert re.search(f"^{re.escape(line)}$", text, re.MULTILINE), line
    limits = (FILES / "journald.conf").read_text(encoding="utf-8")
    assert "SystemMaxUse=64M" in limits and "RuntimeMaxUse=16M" in limits


def test_unit_is_as_sandboxed_as_a_camera_allows(tmp_path: Path) -> None:
    path = _installed(tmp_path, (FILES / "asl.service").read_text(encoding="utf-8"))
    done = subprocess.run(
        [str(ANALYZE), "security", "--offline=true", "--threshold=40", str(path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout  # exposure of at most 4.0 of 10
