"""Images in an .npz file: what the quantizer calibrates on."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from target.errors import DataError


def load_images(path: Path) -> np.ndarray:
    """Return the network inputs of an .npz file.

    Args:
        path: Has an array `x`, (n, h, w, c): uint8 is divided by 255 in float32, float32 is used as
            it is.

    Returns:
        float32 (n, h, w, c).

    Raises:
        DataError: If the file or the array is not of that kind.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            if "x" not in stored:
                raise DataError(f"images must be in an array 'x', got {sorted(stored)} in {path}")
            x = np.asarray(stored["x"])
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error, EOFError, TypeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise DataError(f"images must be an .npz file, got '{reason}' in {path}") from error
    if x.ndim != 4 or x.dtype not in (np.uint8, np.float32) or not len(x):
        raise DataError(
            f"array 'x' must be uint8 or float32 (n, h, w, c) with n > 0, got {x.dtype} {x.shape}"
            f" in {path}"
        )
    return x.astype(np.float32) / np.float32(255) if x.dtype == np.uint8 else x
