"""Files with holes: blocks of zeros take no room, also in copies."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

_HOLE = 1 << 16  # zeros are left out in pieces of this size
_BLOCK = 1 << 20


def write_sparse(out: IO[bytes], block: bytes) -> None:
    """Write `block` at the file's position, but only move on over zeros."""
    for start in range(0, len(block), _HOLE):
        piece = block[start : start + _HOLE]
        if piece.count(0) == len(piece):
            out.seek(len(piece), os.SEEK_CUR)
        else:
            out.write(piece)


def copy_part(source: Path, start: int, size: int, target: Path, at: int = 0) -> None:
    """Copy part of a file to where another has only a hole, or does not reach yet.

    Args:
        source: Is read.
        start: First byte.
        size: Bytes; what `source` lacks of them counts as zeros.
        target: Is made if it is not there, and at least `at` + `size` bytes long then.
        at: First byte in `target`.
    """
    with open(source, "rb") as given, open(target, "r+b" if target.exists() else "w+b") as out:
        out.truncate(max(os.fstat(out.fileno()).st_size, at + size))
        position, end = start, min(start + size, os.fstat(given.fileno()).st_size)
        while position < end:
            try:
                position = os.lseek(given.fileno(), position, os.SEEK_DATA)
            except OSError:  # ENXIO: nothing but a hole is left
                break
            hole = min(end, os.lseek(given.fileno(), position, os.SEEK_HOLE))
            given.seek(position)
            out.seek(at + position - start)
            while position < hole:
                block = given.read(min(_BLOCK, hole - position))
                write_sparse(out, block)
                position += len(block)
