"""The release that goes into the image: a folder with release.json, as host/deploy/LAYOUT.md has it."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from board_image.errors import ImageError

NAME = "release.json"
_PATH = re.compile(r"[A-Za-z0-9_.+-]+(/[A-Za-z0-9_.+-]+)*")  # what debugfs takes unquoted
_ID = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class Release:
    """A release that was checked file by file.

    Attributes:
        folder: Where it lies here.
        id: Its name on the board.
        files: Paths relative to `folder`, release.json among them.
        model: Its model's name.
        toolchain: `builtin` or `vitis`, which compiled the model.
        fingerprint: Of the DPU that the model was compiled for.
    """

    folder: Path
    id: str
    files: tuple[str, ...]
    model: str
    toolchain: str
    fingerprint: str


def read_release(folder: Path) -> Release:
    """Read a release and compare every file with its sum.

    Raises:
        ImageError: If a file is missing, other, unknown or has a name that no image takes.
    """
    content = _read(folder)
    sums = {path: entry["sha256"] for path, entry in content["files"].items()}
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir()}
    for path in sorted(there ^ {*sums, NAME}):
        what = "one more" if path in there else "none"
        raise ImageError(
            f"release must hold just the files of {NAME}, got {what} at {folder / path}"
        )
    for path, wanted in sums.items():
        if not _PATH.fullmatch(path):
            raise ImageError(
                f"file names must be of A-Z a-z 0-9 _ . + - only, got {path!r} in {folder}"
            )
        with open(folder / path, "rb") as file:
            got = hashlib.file_digest(file, "sha256").hexdigest()
        if got != wanted:
            raise ImageError(f"sha256 must be {wanted}, got {got} of {folder / path}")
    model = {key: str(content["model"][key]) for key in ("name", "toolchain", "fingerprint")}
    name, toolchain, fingerprint = model.values()
    return Release(folder, content["id"], tuple(sorted(there)), name, toolchain, fingerprint)


def _read(folder: Path) -> dict[str, Any]:
    """Read release.json; what is used of it is there then."""
    try:
        content = json.loads((folder / NAME).read_text(encoding="utf-8"))
        if not _ID.fullmatch(content["id"]):
            raise ValueError(f"id '{content['id']}'")
        for entry in [content["model"], *content["files"].values()]:
            entry["sha256"] = str(entry["sha256"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        raise ImageError(
            f"release must have a {NAME} with id, model and files, got {why} in {folder};"
            " make board-image makes one"
        ) from error
    return dict(content)
