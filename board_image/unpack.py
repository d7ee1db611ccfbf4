"""Unpacks an image (.img, .gz, .xz or .zip, told by their first bytes) into a sparse file."""

from __future__ import annotations

import contextlib
import errno
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from board_image.errors import ImageError
from board_image.sparse import write_sparse

_BLOCK = 1 << 20
_MAGIC = {b"\x1f\x8b": "gzip", b"\xfd7zXZ\0": "xz", b"PK\x03\x04": "zip"}
_IMAGES = (".img", ".wic", ".bin", ".raw")
Progress = Callable[[float], None]


def kind_of(source: Path) -> str:
    """Return `gzip`, `xz`, `zip` or `image`, by the first bytes."""
    with open(source, "rb") as file:
        start = file.read(6)
    return next((kind for magic, kind in _MAGIC.items() if start.startswith(magic)), "image")


def unpack(source: Path, target: Path, progress: Progress) -> int:
    """Write the image in `source` to `target`, in one pass.

    Args:
        source: A raw image or a compressed one; is only read.
        target: Is overwritten; blocks of zeros become holes.
        progress: Called with the share of `source` that is read, 0 to 1.

    Returns:
        Bytes of the image.

    Raises:
        ImageError: If `source` is damaged or holds no image, or the disk is full.
    """
    whole = source.stat().st_size or 1
    size = 0
    try:
        with (
            open(source, "rb") as packed,
            _opened(packed, source) as plain,
            open(target, "wb") as out,
        ):
            while block := plain.read(_BLOCK):
                write_sparse(out, block)
                size += len(block)
                progress(min(1.0, packed.tell() / whole))
            out.truncate(size)
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        why = str(error) or "it ends too early"
        raise ImageError(
            f"image must be whole, got a damaged {kind_of(source)} file ({why}) in {source};"
            " download it again and compare its size"
        ) from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise ImageError(
            f"disk must have room for the unpacked image, got '{error.strerror}' after"
            f" {size >> 20} MB in {target.parent}; free some or give another OUT"
        ) from error
    if size == 0:
        raise ImageError(f"image must hold data, got an empty one in {source}")
    return size


@contextlib.contextmanager
def _opened(packed: IO[bytes], source: Path) -> Iterator[IO[bytes]]:
    """Yield the image's bytes as a file."""
    kind = kind_of(source)
    if kind == "gzip":
        with gzip.open(packed) as plain:
            yield plain  # type: ignore[misc]  # GzipFile is an IO[bytes] in all that matters
    elif kind == "xz":
        with lzma.open(packed) as plain:
            yield plain
    elif kind == "zip":
        with zipfile.ZipFile(packed) as archive, archive.open(_member(archive, source)) as plain:
            yield plain
    else:
        yield packed


def _member(archive: zipfile.ZipFile, source: Path) -> zipfile.ZipInfo:
    """Return the one image in an archive."""
    images = [m for m in archive.infolist() if m.filename.lower().endswith(_IMAGES)]
    if len(images) != 1:
        names = ", ".join(m.filename for m in images or archive.infolist()[:5]) or "nothing"
        raise ImageError(
            f"archive must hold one file {' or '.join(_IMAGES)}, got {names} in {source};"
            " unpack it and name the image"
        )
    if images[0].flag_bits & 1:
        raise ImageError(f"archive must have no password, got one in {source}; unpack it first")
    return images[0]
