"""The only file that imports cv2; everything the application and the host need of OpenCV.

cv2 is imported on first use, so that what needs no pictures runs without it. Its errors become
ours.
"""

from __future__ import annotations

import contextlib
import importlib
from typing import Any, Iterator

from target.errors import AppError, BackendError


class _Cv2:
    """Stands for the module cv2 until it is first used."""

    def __getattr__(self, name: str) -> Any:
        return getattr(load(), name)


def load() -> Any:
    """Import cv2.

    Raises:
        BackendError: If OpenCV is not installed.
    """
    try:
        return importlib.import_module("cv2")
    except ImportError as error:
        raise BackendError(
            f"OpenCV must be installed, got '{error}'; on a workstation run make setup,"
            " on the board install python3-opencv"
        ) from error


cv2: Any = _Cv2()


@contextlib.contextmanager
def translated(what: str, kind: type[AppError]) -> Iterator[None]:
    """Turn an OpenCV error inside the body into `kind`, one line that begins with `what`."""
    try:
        yield
    except load().error as error:
        raise kind(f"{what}, got OpenCV error '{' '.join(str(error).split())[:200]}'") from error
