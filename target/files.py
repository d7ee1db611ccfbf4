"""Writing files so that nothing is ever half-written: to a temporary name, then renamed.

Standard library only.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Iterator, Union

from target.errors import OutputError

PathLike = Union[str, "os.PathLike[str]"]


@contextlib.contextmanager
def replacing(path: PathLike) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` if the body succeeds.

    The temporary name keeps the suffix, because many writers choose their format by it.

    Raises:
        OutputError: If the folder cannot be made or written.
    """
    final = Path(os.path.realpath(path))  # a link stays one
    if _is_special(Path(path)):
        raise OutputError(f"output must be a file, got a device or a pipe at {path}")
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=f".{final.stem}-", suffix=final.suffix, dir=str(final.parent)
        )
        os.close(handle)
    except OSError as error:
        raise OutputError(
            f"output folder must be writable, got '{error.strerror}' in {final.parent};"
            " choose another one"
        ) from error
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, final)
    except OSError as error:
        raise OutputError(f"file must be writable, got '{error.strerror}' in {final}") from error
    finally:
        if temporary.exists():
            temporary.unlink()


def check_writable(path: PathLike, special: bool = False) -> None:
    """Find out now whether `replacing(path)` will succeed later.

    Args:
        path: Which.
        special: Whether it may be a device or a pipe, as for `write_bytes`.

    Raises:
        OutputError: If the folder cannot be made or written, or `path` is a folder.
    """
    final = Path(os.path.realpath(path))
    if final.is_dir():
        raise OutputError(f"output must be a file, got a folder at {final}")
    if _is_special(Path(path)):
        if special:
            return
        raise OutputError(f"output must be a file, got a device or a pipe at {path}")
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=str(final.parent)):
            pass
    except OSError as error:
        raise OutputError(
            f"output folder must be writable, got '{error.strerror}' in {final.parent};"
            " choose another one"
        ) from error


def _is_special(path: Path) -> bool:
    """Whether it is a device, a pipe or a socket: renaming a file over one would destroy it."""
    return path.exists() and not (path.is_file() or path.is_dir())


def check_room(folder: PathLike, least: int, what: str) -> None:
    """Check that a disk is not nearly full.

    Args:
        folder: On the disk; it need not exist yet.
        least: Bytes that must be free.
        what: That shall be stored, for the message.

    Raises:
        OutputError: If there is less.
    """
    place = Path(folder).absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < least:
        raise OutputError(
            f"disk must have {least >> 20} MB left for {what}, got {free >> 20} MB in {place};"
            " choose another one"
        )


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_bytes(path: PathLike, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all; to a device or a pipe as it is.

    Raises:
        OutputError: If it cannot be written.
    """
    if _is_special(Path(path)):
        try:
            Path(path).write_bytes(data)
        except OSError as error:
            raise OutputError(f"file must be writable, got '{error.strerror}' in {path}") from error
        return
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: PathLike, text: str) -> None:
    """Write `text` as UTF-8 to `path`, whole or not at all; half characters of file names are escaped."""
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_json(path: PathLike, value: Any) -> None:
    """Write `value` as indented JSON to `path`, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def sha256_of(path: PathLike) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()
