"""Makes the .npz file of a set of photos from its download."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from host.data.imports.davidlee import read_davidlee
from host.data.imports.download import Download, open_download
from host.data.imports.students import read_students
from host.data.mixture import PHOTO_SETS
from target import files
from target.errors import DataError, OutputError
from target.text.labels import letter_of

READERS: dict[str, Callable[[Download], dict[str, np.ndarray]]] = {
    "davidlee": read_davidlee,
    "students": read_students,
}


@dataclasses.dataclass(frozen=True)
class Made:
    """What was made of a download.

    Attributes:
        file: The .npz file.
        images: Their number.
        per_letter: Number of images by letter.
        signers: Number of people; None if nobody knows.
        source_photos: Number of photos that the images were made from; None if nobody knows.
    """

    file: Path
    images: int
    per_letter: dict[str, int]
    signers: int | None
    source_photos: int | None


def make_photo_set(name: str, path: Path, folder: Path, force: bool = False) -> Made:
    """Read a download and write the set's .npz file.

    Args:
        name: Of PHOTO_SETS.
        path: The download, a zip archive or the folder it was unpacked to.
        folder: The file is written into it.
        force: Replace a file that is there.

    Raises:
        DataError: If the name is unknown or the download is faulty.
        OutputError: If the file is there already, or cannot be written.
    """
    if name not in READERS:
        raise DataError(f"set of photos must be one of {', '.join(READERS)}, got '{name}'")
    target = folder / PHOTO_SETS[name].file
    if target.exists() and not force:
        raise OutputError(f"set must be new, got a file that is there at {target}; use --force")
    with open_download(path) as download:
        arrays = READERS[name](download)
    files.check_writable(target)
    with files.replacing(target) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # taken for allow_pickle
    letters, counts = np.unique(arrays["labels"], return_counts=True)
    return Made(
        target,
        len(arrays["images"]),
        {letter_of(int(label)): int(count) for label, count in zip(letters, counts)},
        _different(arrays, "signer"),
        _different(arrays, "source_photo"),
    )


def _different(arrays: dict[str, np.ndarray], name: str) -> int | None:
    return len(np.unique(arrays[name])) if name in arrays else None
