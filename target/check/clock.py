"""The clock: a ZCU104 without a battery starts in the past, and then dates of records and logs are wrong."""

from __future__ import annotations

import datetime
import time
from pathlib import Path
from typing import List, Optional

from target.check.board import Board
from target.check.finding import WARNING, Finding, ok

NAME = "clock"
_REMEDY = (
    "timedatectl set-ntp true; without a network: date -u -s 'YYYY-MM-DD hh:mm:ss' && hwclock -w"
)


def check(board: Board) -> List[Finding]:
    """Compare the clock with what must lie in its past: the model and this program's files."""
    now = time.time()
    made = max(_created(board) or 0, _newest_source())
    if now < made - 60:
        return [
            Finding(
                NAME,
                WARNING,
                f"clock must be after {_text(made)}, when this was made, got {_text(now)}",
                "records and logs get wrong dates, and make and TLS refuse what comes from the future",
                _REMEDY,
            )
        ]
    synchronized = (board.root / "run/systemd/timesync/synchronized").exists()
    return [ok(NAME, f"{_text(now)} UTC" + (", synchronized" if synchronized else ""))]


def _created(board: Board) -> Optional[float]:
    if board.manifest is None:
        return None
    text = str(board.manifest.content.get("created", "")).replace("Z", "+00:00")
    try:
        return datetime.datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def _newest_source() -> float:
    return Path(__file__).stat().st_mtime


def _text(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(moment))
