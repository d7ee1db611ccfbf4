"""Room on the disks that the application writes to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import List

from target.check.board import Board
from target.check.finding import ERROR, WARNING, Finding, ok

NAME = "disk"
LEAST_MB, FEW_MB = 20, 200


def check(board: Board) -> List[Finding]:
    """Look at the model's disk, at /tmp and at /var/log."""
    places = {Path("/"): "/", Path("/tmp"): "/tmp", Path("/var/log"): "/var/log"}
    if board.manifest is not None:
        places[board.manifest.folder.resolve()] = str(board.manifest.folder)
    findings, seen = [], set()
    for path, name in places.items():
        try:
            place = (
                path
                if str(path).startswith(str(board.root))
                else board.root / str(path).lstrip("/")
            )
            facts, device = os.statvfs(place), os.stat(place).st_dev
        except OSError:
            continue
        if device not in seen:
            seen.add(device)
            findings.append(_judge(name, facts))
    return findings


def _judge(name: str, facts: os.statvfs_result) -> Finding:
    free = facts.f_bavail * facts.f_frsize >> 20
    if facts.f_files and not facts.f_favail:
        return Finding(
            NAME,
            WARNING,
            f"{name} must have room for new files, got no inode left",
            "nothing can be written any more",
            f"find {name} -xdev -type f | wc -l",
        )
    if free < LEAST_MB:
        return Finding(
            NAME,
            ERROR,
            f"{name} must have {LEAST_MB} MB left, got {free} MB",
            "records, settings and logs cannot be written, and a deployment stops",
            f"du -xsh {name.rstrip('/')}/* | sort -h | tail; journalctl --vacuum-size=20M",
        )
    if free < FEW_MB:
        return Finding(
            NAME,
            WARNING,
            f"{name} should have {FEW_MB} MB left, got {free} MB",
            "a deployment needs room beside the running release",
            "journalctl --vacuum-size=20M; AMD's image can be grown to the whole card:"
            " make board-image does it",
        )
    return ok(NAME, f"{name}: {free} MB left")
