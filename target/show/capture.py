"""Collects labelled crops of a person's own hands, one folder a letter: what finetuning takes.

Crops too much like one that is there already are refused: twenty copies of one photo teach nothing.
Files appear under their names only when they are whole.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy as np

from target import files
from target.camera.folder import SUFFIXES
from target.errors import DataError, OutputError
from target.opencv import cv2
from target.show.base import View
from target.text.labels import STATIC_LETTERS
from target.vision.crop import cut

WANTED = 20  # crops a letter
_COMPARED = 28  # side of the gray picture that is compared
_ALIKE = 0.98  # correlation from which two crops are the same photo
_ROOM = 32 << 20  # bytes that must be left on the disk
_LARGEST = 256  # side of a stored crop, pixels


class Collector:
    """Stores the crop that the network sees, under the letter a person says it is.

    Args:
        folder: Gets a folder for each letter; crops that are there count.
        wanted: Crops a letter.

    Raises:
        OutputError: If the folder cannot be written.
    """

    def __init__(self, folder: Path, wanted: int = WANTED) -> None:
        files.check_writable(folder / "x")
        self.folder = folder
        self.wanted = wanted
        self._lock = threading.Lock()
        self._view: Optional[View] = None
        self._known: Dict[str, List[np.ndarray]] = {letter: [] for letter in STATIC_LETTERS}
        self._count = 0
        for letter in STATIC_LETTERS:
            for path in sorted(folder.glob(f"{letter}/*")):
                if path.suffix.lower() in SUFFIXES:
                    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
                    if image is not None:
                        self._known[letter].append(_look_of(image))

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
        letter = letter.upper()
        if letter not in self._known:
            raise DataError(f"letter must be one of {STATIC_LETTERS}, got '{letter[:20]}'")
        view = self._view
        if view is None or view.frame is None or not view.square[2] or view.trouble:
            raise DataError("capture needs a frame, got none yet")
        crop = cut(view.frame.image, view.square)
        gray = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY) if crop.ndim == 3 else crop
        look = _look_of(gray)
        with self._lock:
            if any(_alike(look, other) >= _ALIKE for other in self._known[letter]):
                raise DataError(
                    f"crop of {letter} must differ from those that are there, got one like another;"
                    " move the hand or turn it a little"
                )
            path = self._store(letter, crop)
            self._known[letter].append(look)
            return {"stored": str(path), "letter": letter, "count": len(self._known[letter])}

    def _store(self, letter: str, crop: np.ndarray) -> Path:
        if crop.shape[0] > _LARGEST:
            crop = cv2.resize(crop, (_LARGEST, _LARGEST), interpolation=cv2.INTER_AREA)
        good, coded = cv2.imencode(".png", crop)
        if not good:
            raise OutputError(
                f"crop must be one that OpenCV encodes, got {crop.dtype} {crop.shape}"
            )
        self._count += 1
        name = f"{letter}-{time.strftime('%Y%m%d-%H%M%S')}-{self._count:04d}.png"
        path = self.folder / letter / name
        files.check_room(self.folder, _ROOM, "photos")
        files.write_bytes(path, coded.tobytes())
        return path


def _look_of(gray: np.ndarray) -> np.ndarray:
    """Return a gray picture small, without its mean, of length one: float32 (n,)."""
    small = cv2.resize(gray, (_COMPARED, _COMPARED), interpolation=cv2.INTER_AREA)
    values = small.astype(np.float32).ravel()
    values -= values.mean()
    return np.asarray(values / max(float(np.linalg.norm(values)), 1e-6))


def _alike(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other)
