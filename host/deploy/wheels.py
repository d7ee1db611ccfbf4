"""Wheels for the board's Python, unpacked into a release: a wheel is a zip, and the board may have no pip."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path, PurePosixPath

from target.errors import DataError

PLATFORMS = re.compile(r"any|(manylinux\w*|linux)_aarch64")
PYTHONS = re.compile(r"py3|py2\.py3|cp39|cp3[2-9]\.abi3")
_NAME = re.compile(
    r"(?P<name>[^-]+)-[^-]+(-\d[^-]*)?-(?P<python>[^-]+)-(?P<abi>[^-]+)-(?P<platform>[^-]+)\.whl"
)
# What the board has itself, or what is ours: a second one would hide it.
_HIDDEN = ("numpy", "cv2", "vart", "xir", "target", "model", "bench", "release.json")


def unpack_wheels(source: Path, folder: Path) -> list[str]:
    """Unpack every wheel of a folder.

    Args:
        source: Holds *.whl for CPython 3.9 on aarch64.
        folder: Of the release; its packages come beside target/.

    Returns:
        Names of the wheels.

    Raises:
        DataError: If there is none, or one is for another machine, is damaged, or would hide what the
            board or the release has.
    """
    wheels = sorted(source.glob("*.whl"))
    if not wheels:
        raise DataError(
            f"WHEELS must be a folder with *.whl files, got none in {source}; run make board-wheels"
        )
    for wheel in wheels:
        _check_name(wheel)
        try:
            with zipfile.ZipFile(wheel) as archive:
                _unpack(archive, wheel, folder)
        except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
            raise DataError(f"wheel must be a zip archive, got '{error}' in {wheel}") from error
    return [wheel.name for wheel in wheels]


def _check_name(wheel: Path) -> None:
    found = _NAME.fullmatch(wheel.name)
    if found is None:
        raise DataError(f"wheel must be named NAME-VERSION-PYTHON-ABI-PLATFORM.whl, got {wheel}")
    python = found["python"] + (".abi3" if found["abi"] == "abi3" else "")
    platforms = found["platform"].split(".")
    if not PYTHONS.fullmatch(python) or not all(PLATFORMS.fullmatch(one) for one in platforms):
        raise DataError(
            f"wheel must be for Python 3.9 on aarch64, got {found['python']}-{found['abi']}-"
            f"{found['platform']} in {wheel}; run make board-wheels"
        )


def _unpack(archive: zipfile.ZipFile, wheel: Path, folder: Path) -> None:
    for entry in archive.infolist():
        path = PurePosixPath(entry.filename)
        if entry.is_dir():
            continue
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise DataError(f"wheel must keep to its own folders, got {entry.filename} in {wheel}")
        top = path.parts[0]
        if top in _HIDDEN or PurePosixPath(top).stem in _HIDDEN:
            raise DataError(
                f"wheel must not bring {top}, which the board or the release has, got {wheel}"
            )
        if top.endswith(".data"):
            raise DataError(f"wheel must hold packages alone, got {entry.filename} in {wheel}")
        goal = folder / path
        if goal.exists():
            raise DataError(f"wheels must not overlap, got {entry.filename} again in {wheel}")
        goal.parent.mkdir(parents=True, exist_ok=True)
        goal.write_bytes(archive.read(entry))
