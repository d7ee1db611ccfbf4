"""Frame -> the network's input: centre crop, gray, area resize, a 256-entry table of codes.

Everything that depends on the model comes from its manifest; the steps stand here and nowhere else.

    frame uint8 (h, w, 3) BGR or (h, w) gray
      -> centre square (target/vision/crop.py)
      -> gray, OpenCV's weights 0.299 R + 0.587 G + 0.114 B
      -> size x size by area averaging
      -> treatment of the gray levels (target/vision/treatment.py)
      -> table[gray]: int8 code floor(gray * scale * 2**fix_point + 0.5), saturated; or float32
      gray * scale
"""

from __future__ import annotations

from typing import Optional, Tuple

import numpy as np

from target.errors import DataError
from target.manifest import Manifest
from target.opencv import cv2
from target.runners.base import TensorSpec
from target.vision.crop import cut
from target.vision.region import WHOLE, Region, square_of
from target.vision.treatment import treated_table

Square = Tuple[int, int, int]


def input_table(scale: float, spec: TensorSpec) -> np.ndarray:
    """Return what each gray level becomes.

    Args:
        scale: Real value of one gray level, of the manifest.
        spec: The runner's input.

    Returns:
        (256,) of the spec's dtype; float32: level * scale; int8: rounded half up, saturated.
    """
    real = np.arange(256) * scale
    if spec.dtype == "float32":
        return real.astype(np.float32)
    limits = np.iinfo(np.dtype(spec.dtype))
    codes = np.floor(real / spec.scale + spec.zero_point + 0.5)
    return np.asarray(np.clip(codes, limits.min, limits.max), dtype=spec.dtype)


def shrunk_gray(frame: np.ndarray, square: Square, size: int) -> np.ndarray:
    """Return a square of a frame, gray and at the network's size, uint8 (size, size).

    Args:
        frame: uint8 (h, w, 3) BGR or (h, w) gray.
        square: Top, left and side.
        size: Side of the network's input.
    """
    crop = cut(frame, square)
    if crop.ndim == 3:
        crop = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    if crop.shape == (size, size):
        return crop
    return np.asarray(cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA))


class Preprocessor:
    """Turns frames into tensors for one runner; the tensor's memory is reused.

    Args:
        manifest: Of the model.
        spec: The runner's input, (1, size, size, 1).
    """

    def __init__(self, manifest: Manifest, spec: TensorSpec) -> None:
        self._size = manifest.input_size
        self._max_trim = manifest.max_trim
        self._treatment = manifest.treatment
        self._table = input_table(manifest.input_scale, spec)
        self._tensor = np.zeros(spec.shape, dtype=spec.dtype)

    def square(self, height: int, width: int, region: Region = WHOLE) -> Square:
        """Return top, left and side of what the network sees of a frame of that size."""
        return square_of(region, height, width, self._size, self._max_trim)

    def gray(self, frame: np.ndarray, square: Optional[Square] = None) -> np.ndarray:
        """Return the gray crop at the network's size, not yet treated, uint8 (size, size).

        Args:
            frame: uint8 (h, w, 3) BGR or (h, w) gray.
            square: Top, left and side of the crop; None for the manifest's.

        Raises:
            DataError: If it is neither.
        """
        if frame.dtype != np.uint8 or frame.ndim not in (2, 3) or 0 in frame.shape:
            raise DataError(
                f"frame must be uint8 (h, w, 3) or (h, w), got {frame.dtype} {frame.shape}"
            )
        height, width = frame.shape[:2]
        return shrunk_gray(frame, square or self.square(height, width), self._size)

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Return the tensor of a frame; valid until the next call.

        Args:
            frame: uint8 (h, w, 3) BGR or (h, w) gray.

        Returns:
            (1, size, size, 1) of the runner's dtype.
        """
        return self.fill(self.gray(frame), self._tensor)

    def fill(self, gray: np.ndarray, tensor: np.ndarray) -> np.ndarray:
        """Treat a gray crop and look its codes up.

        Args:
            gray: uint8 (size, size), of `gray`.
            tensor: (1, size, size, 1) of the runner's dtype; written and returned.
        """
        table = treated_table(gray, self._treatment, self._table)
        table.take(gray, out=tensor[0, :, :, 0], mode="clip")
        return tensor

    def empty(self) -> np.ndarray:
        """Return memory for a tensor of its own."""
        return np.empty_like(self._tensor)
