"""Finds the data set behind what a user names, and says how to get it when it is not there."""

from __future__ import annotations

import zipfile
from pathlib import Path

from host.data.sign_mnist import HOW_TO_GET, NAMES
from target.errors import DataError


def locate(path: Path) -> Path:
    """Return what load_sign_mnist takes: the path itself, or the archive inside a folder.

    Args:
        path: An archive, a CSV file, a folder with the CSV files, or a folder with the archive.

    Raises:
        DataError: If there is nothing of the kind; the message says how to get it.
    """
    if not path.exists():
        raise DataError(f"data must be an archive or a folder, got nothing at {path}; {HOW_TO_GET}")
    if not path.is_dir() or any(path.rglob(NAMES["train"])):
        return path
    for archive in sorted(path.glob("*.zip")):
        if _holds_data(archive):
            return archive
    raise DataError(
        f"folder must hold archive.zip or {NAMES['train']}, got neither in {path}; {HOW_TO_GET}"
    )


def _holds_data(archive: Path) -> bool:
    try:
        with zipfile.ZipFile(archive) as opened:
            return any(name.endswith(NAMES["train"]) for name in opened.namelist())
    except (zipfile.BadZipFile, OSError):
        return False
