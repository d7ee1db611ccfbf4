"""Collects labelled crops of a person's own hands, one folder a letter: what finetuning takes.

Crops too much like one that is there already are refused: twenty copies of one photo teach nothing.
Files appear under their names only when they are whole.
"""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from target import files
from target.camera.folder import images_below
from target.errors import AppError, DataError, OutputError, one_line
from target.opencv import cv2, read_image, translated
from target.pipeline.controls import Controls
from target.show.base import View
from target.text.labels import STATIC_LETTERS
from target.vision.crop import cut

_log = logging.getLogger(__name__)
WANTED = 20  # crops a letter
_COMPARED = 28  # side of the gray picture that is compared
_ALIKE = 0.98  # correlation from which two crops are the same photo
_FLAT = 2.0  # standard deviation of the compared picture, gray levels: below it there is nothing but noise
_ROOM = 32 << 20  # bytes that must be left on the disk
_LARGEST = 256  # side of a stored crop, pixels


class Collector:
    """Stores the crop that the network sees, under the letter a person says it is.

    Args:
        folder: Gets a folder for each letter; crops that are there count.
        wanted: Crops a letter.
        controls: Whether the hand is a left one: then crops are stored as the mirror images that the network
            sees. None for never.

    Raises:
        OutputError: If the folder cannot be written.
    """

    def __init__(
        self, folder: Path, wanted: int = WANTED, controls: Optional[Controls] = None
    ) -> None:
        files.check_writable(folder / ".try")
        self.folder = folder
        self.wanted = wanted
        self._controls = controls
        self._lock = threading.Lock()
        self._view: Optional[View] = None
        self._known: Dict[str, List[np.ndarray]] = {letter: [] for letter in STATIC_LETTERS}
        self._stored: List[Tuple[str, Path]] = []
        for below in sorted(folder.iterdir()):
            letter = below.name.upper() if below.is_dir() else ""
            if letter in self._known:
                self._known[letter] += _looks_in(below)

    def look(self, view: View) -> None:
        """Remember the newest view: a capture stores what is on screen."""
        self._view = view

    def counts(self) -> Dict[str, int]:
        """Return the number of crops of each letter."""
        return {letter: len(known) for letter, known in self._known.items()}

    def next_letter(self) -> Optional[str]:
        """Return the letter with the fewest crops; None if every one has enough."""
        counts = self.counts()
        letter = min(counts, key=lambda name: counts[name])
        return letter if counts[letter] < self.wanted else None

    def capture(self, letter: str) -> Dict[str, Any]:
        """Store the newest crop under a letter.

        Args:
            letter: A to Y without J, either case.

        Returns:
            `stored` (path), `letter`, `count`.

        Raises:
            DataError: If the letter has no still form, there is no frame, or a crop like it is there.
            OutputError: If it cannot be stored.
        """
        name = check_letter(letter, "letter")
        crop = self._crop()
        look, deviation = _look_of(crop)
        if deviation < _FLAT:
            raise DataError(
                "crop must show a hand, got a picture of one gray; is the lens covered, or is it dark?"
            )
        with self._lock:
            if any(_alike(look, other) >= _ALIKE for other in self._known[name]):
                raise DataError(
                    f"crop of {name} must differ from those that are there, got one like another;"
                    " move the hand or turn it a little"
                )
            path = self._store(name, crop)
            self._known[name].append(look)
            self._stored.append((name, path))
            return {"stored": str(path), "letter": name, "count": len(self._known[name])}

    def take_back(self) -> str:
        """Delete the crop that was stored last, of this run; returns its letter.

        Raises:
            DataError: If there is none.
            OutputError: If it cannot be deleted.
        """
        with self._lock:
            if not self._stored:
                raise DataError("crop to take back must be of this run, got none")
            letter, path = self._stored[-1]
            try:
                path.unlink()
            except FileNotFoundError:
                pass  # somebody was quicker
            except OSError as error:
                raise OutputError(
                    f"crop must be deletable, got '{error.strerror}' in {path}"
                ) from error
            self._stored.pop()
            self._known[letter].pop()
            return letter

    def _crop(self) -> np.ndarray:
        """Return what the network sees of the newest frame, at the frame's size."""
        view = self._view
        if view is None or view.frame is None or not view.square[2] or not view.fresh:
            why = "" if view is None else view.trouble
            raise DataError(f"capture must have a frame, got none: {why or 'none has come yet'}")
        crop = cut(view.frame.image, view.square)
        is_left = self._controls is not None and self._controls.left_handed
        return np.asarray(cv2.flip(crop, 1)) if is_left else crop

    def _store(self, letter: str, crop: np.ndarray) -> Path:
        files.check_room(self.folder, _ROOM, "photos")
        if crop.shape[0] > _LARGEST:
            crop = cv2.resize(crop, (_LARGEST, _LARGEST), interpolation=cv2.INTER_AREA)
        with translated("crop must be one that OpenCV encodes", OutputError):
            _, coded = cv2.imencode(".png", crop)
        path = self._new_path(letter)
        files.write_bytes(path, coded.tobytes())
        return path

    def _new_path(self, letter: str) -> Path:
        """Return a name that no file has: a board without a battery begins every day at the same time."""
        stamp = time.strftime("%Y%m%d-%H%M%S")
        number = 1
        while True:
            path = self.folder / letter / f"{letter}-{stamp}-{number:03d}.png"
            if not path.exists():
                return path
            number += 1


def check_letter(letter: str, what: str) -> str:
    """Return a letter in upper case.

    Raises:
        DataError: If it has no still form.
    """
    name = letter.upper()
    if letter.isascii() and len(name) == 1 and name in STATIC_LETTERS:
        return name
    why = "; J and Z are movements" if name in ("J", "Z") else ""
    raise DataError(f"{what} must be one of {STATIC_LETTERS}, got '{letter[:20]}'{why}")


def _looks_in(folder: Path) -> List[np.ndarray]:
    """Return the looks of the crops that are there; what cannot be read is named."""
    looks = []
    for path in images_below(folder):
        try:
            looks.append(_look_of(read_image(path, cv2.IMREAD_GRAYSCALE, DataError))[0])
        except AppError as error:
            _log.warning("left out: %s; finetuning will refuse it", one_line(error))
    return looks


def _look_of(crop: np.ndarray) -> Tuple[np.ndarray, float]:
    """Return a picture small, gray, without its mean and of length one, float32 (n,), and its deviation."""
    gray = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY) if crop.ndim == 3 else crop
    small = cv2.resize(gray, (_COMPARED, _COMPARED), interpolation=cv2.INTER_AREA)
    values = small.astype(np.float32).ravel()
    values -= values.mean()
    length = float(np.linalg.norm(values))
    return np.asarray(values / max(length, 1e-6)), length / _COMPARED


def _alike(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other)
