"""The only file that imports cv2; everything the application and the host need of OpenCV.

cv2 is imported on first use, so that what needs no pictures runs without it. Its errors become
ours.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import signal
import threading
from pathlib import Path
from typing import Any, Iterator, List

import numpy as np

from target.errors import AppError, BackendError

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Cv2:
    """Stands for the module cv2 until it is first used."""

    def __getattr__(self, name: str) -> Any:
        return getattr(load(), name)


@functools.cache  # a look into the environment at every call costs more than most calls
def load() -> Any:
    """Import cv2.

    Raises:
        BackendError: If OpenCV is not installed.
    """
    # Errors come back as return values and exceptions; the libraries' own lines only bury ours.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    try:
        with _signals_waiting():
            return importlib.import_module("cv2")
    except ImportError as error:
        raise BackendError(
            f"OpenCV must be installed, got '{error}'; on a workstation run make setup,"
            " on the board install python3-opencv"
        ) from error


@contextlib.contextmanager
def _signals_waiting() -> Iterator[None]:
    """Let Ctrl-C and the like wait for the body: cv2's own files swallow what is raised in them."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's
        return
    came: List[int] = []
    handlers = {number: signal.getsignal(number) for number in _ENDING}
    ours = {number: handler for number, handler in handlers.items() if callable(handler)}
    for number in ours:
        signal.signal(number, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
        for late in came[:1]:
            signal.raise_signal(late)


cv2: Any = _Cv2()


@contextlib.contextmanager
def translated(what: str, kind: type[AppError]) -> Iterator[None]:
    """Turn an OpenCV error inside the body into `kind`, one line that begins with `what`."""
    failure = load().error  # before the body: Ctrl-C in the middle of a first import leaves none
    try:
        yield
    except failure as error:
        raise kind(f"{what}, got OpenCV error '{' '.join(str(error).split())[:200]}'") from error


def check_name(name: str, kind: type[AppError]) -> None:
    """Refuse a name that OpenCV does not take for a video or a device: the process would end.

    Raises:
        AppError: Of the given kind, if the name is not UTF-8.
    """
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        shown = name.encode("utf-8", "backslashreplace").decode()
        raise kind(f"name must be UTF-8, got {shown}; rename it") from None


def read_image(path: Path, mode: int, kind: type[AppError]) -> np.ndarray:
    """Read an image file.

    Args:
        path: The file.
        mode: cv2.IMREAD_COLOR or cv2.IMREAD_GRAYSCALE.
        kind: What is raised.

    Returns:
        uint8 (h, w, 3) BGR, or (h, w).

    Raises:
        AppError: Of the given kind, if the file cannot be read or decoded.
    """
    if path.exists() and not path.is_file():
        raise kind(f"image must be a file, got something else at {path}")
    try:
        # Read here: OpenCV takes no name that is not UTF-8, the process ends.
        content = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise kind(f"image must be readable, got '{error.strerror}' in {path}") from error
    image = None
    if content.size:
        with translated(f"image must be one that OpenCV decodes in {path}", kind):
            image = cv2.imdecode(content, mode)
    if image is None:
        raise kind(f"image must be one that OpenCV decodes, got another in {path}")
    return np.asarray(image)
