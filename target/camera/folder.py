"""A folder of images, or one image, as a source: every picture, sorted by path."""

from __future__ import annotations

import time
from pathlib import Path
from typing import List, Optional

from target.camera.base import Frame
from target.errors import SourceError
from target.opencv import cv2, read_image

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".pgm", ".ppm")


def list_images(path: Path) -> List[Path]:
    """Return the image files of a folder and the folders below it, sorted; a file alone is a list of one.

    Raises:
        SourceError: If there is none.
    """
    if path.is_file():
        return [path]
    found = images_below(path)
    if not found:
        raise SourceError(f"folder must hold images ({' '.join(SUFFIXES)}), got none in {path}")
    return found


def images_below(path: Path) -> List[Path]:
    """Return the image files of a folder and the folders below it, sorted.

    Hidden ones are none of the user's: halves of files that are being written, a file manager's previews.
    """
    return sorted(
        found
        for found in path.rglob("*")
        if found.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in found.relative_to(path).parts)
        and found.is_file()
    )


class ImageFolder:
    """Reads the images of a folder one after the other.

    Args:
        path: A folder or one image.

    Raises:
        SourceError: If there is no image.
    """

    live = False
    fps: Optional[float] = None

    def __init__(self, path: Path) -> None:
        self.uri = str(path)
        self._paths = list_images(path)
        self._next = 0

    def read(self) -> Optional[Frame]:
        """Return the next image, or None behind the last.

        Raises:
            SourceError: If a file is not an image.
        """
        if self._next >= len(self._paths):
            return None
        started = time.perf_counter()
        path = self._paths[self._next]
        image = read_image(path, cv2.IMREAD_COLOR, SourceError)
        frame = Frame(image, self._next, started, str(path))
        self._next += 1
        return frame

    def close(self) -> None:
        """Nothing is held open."""
