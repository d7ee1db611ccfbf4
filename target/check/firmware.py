"""The DPU's firmware: which file VART will load, and whether it is there."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import List, Optional, Tuple

from target.check.board import Board
from target.check.finding import ERROR, Finding, ok

NAME = "firmware"
VARIABLE, CONFIG, DEFAULT = "XLNX_VART_FIRMWARE", "etc/vart.conf", "/usr/lib/dpu.xclbin"
_PLACES = (
    "run/media/mmcblk0p1/dpu.xclbin",
    "run/media/*/dpu.xclbin",
    "media/*/dpu.xclbin",
    "mnt/*/dpu.xclbin",
    "boot/dpu.xclbin",
    "usr/lib/dpu.xclbin",
    "lib/firmware/xilinx/*/*.xclbin",
)
_MAGIC = b"xclbin2\0"
_WHY = "VART loads the DPU from this file; without it the program aborts, and a wrong one can stop the board"


def check(board: Board) -> List[Finding]:
    """Follow VART's own order: the variable, then vart.conf, then the default."""
    if (board.root / "dev/dpu").exists():
        return [ok(NAME, "/dev/dpu: the DPU is part of the boot image, VART loads none")]
    named, by = _named(board)
    path = _below(board, named)
    if not path.is_file():
        return [_wrong(board, by, f"{by} must name a file, got none at {named}")]
    try:
        with path.open("rb") as file:
            start = file.read(len(_MAGIC))
    except OSError as error:
        return [_wrong(board, by, f"{named} must be readable, got '{error.strerror}'")]
    if start != _MAGIC:
        return [_wrong(board, by, f"{named} must be an xclbin, got {start!r} at its start")]
    return [ok(NAME, f"{named} ({by})")]


def _named(board: Board) -> Tuple[str, str]:
    variable = board.environment.get(VARIABLE)
    if variable:
        return variable, VARIABLE
    for line in board.read(CONFIG).splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "firmware" and value.strip():
            return value.strip(), f"/{CONFIG}"
    return DEFAULT, f"the default (no firmware: line in /{CONFIG})"


def _below(board: Board, named: str) -> Path:
    """Return where a path of the board lies below the root; the variable may name one inside it."""
    path = Path(named)
    if str(path).startswith(str(board.root)):
        return path
    return board.root / named.lstrip("/")


def _wrong(board: Board, by: str, what: str) -> Finding:
    found = find_firmware(board)
    if found is None:
        remedy = "mount the SD card's boot partition, where the board image has its dpu.xclbin"
    elif by == VARIABLE:
        remedy = f"unset {VARIABLE}, or set it to {found}"
    else:
        remedy = f'echo "firmware: {found}" > /{CONFIG}'
    return Finding(NAME, ERROR, what, _WHY, remedy)


def find_firmware(board: Board) -> Optional[str]:
    """Return where a dpu.xclbin lies on the board; None if it is in none of the usual places."""
    for pattern in _PLACES:
        for path in sorted(glob.glob(str(board.root / pattern))):
            return "/" + str(Path(path).relative_to(board.root))
    return None
