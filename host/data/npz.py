"""Images in an .npz file: what the quantizer calibrates on."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from target.errors import DataError
from target.vision.treatment import NO_TREATMENT, Treatment, treat


def load_images(path: Path, treatment: Treatment = NO_TREATMENT) -> np.ndarray:
    """Return the network inputs of an .npz file.

    Args:
        path: Has an array `x`, (n, h, w, c): uint8 is treated and divided by 255 in float32, float32
            is used as it is.
        treatment: Of gray levels, of the network.

    Returns:
        float32 (n, h, w, c).

    Raises:
        DataError: If the file or the array is not of that kind.
    """
    x = _load(path).get("x")
    if x is None:
        raise DataError(f"images must be in an array 'x', got {sorted(_load(path))} in {path}")
    if x.ndim != 4 or x.dtype not in (np.uint8, np.float32) or not len(x):
        raise DataError(
            f"array 'x' must be uint8 or float32 (n, h, w, c) with n > 0, got {x.dtype} {x.shape}"
            f" in {path}"
        )
    if x.dtype == np.uint8:
        if treatment != NO_TREATMENT and x.shape[3] == 1:
            x = np.stack([treat(image, treatment) for image in x[..., 0]])[..., None]
        return x.astype(np.float32) / np.float32(255)
    if not np.isfinite(x).all():
        image = int(np.argwhere(~np.isfinite(x))[0][0])
        raise DataError(
            f"array 'x' must be finite, got a value that is not in image {image} of {path}"
        )
    return x


def load_classes(path: Path) -> np.ndarray | None:
    """Return the array `y` of an .npz file: the class of each image, int64 (n,); None without one.

    Raises:
        DataError: If there is one that is not a whole number for each image.
    """
    arrays = _load(path)
    if "y" not in arrays:
        return None
    y, count = arrays["y"], len(arrays["x"])
    if y.shape != (count,) or not np.issubdtype(y.dtype, np.integer):
        raise DataError(
            f"array 'y' must be whole numbers, one for each of {count} images, got {y.dtype}"
            f" {y.shape} in {path}"
        )
    return y.astype(np.int64)


def _load(path: Path) -> dict[str, np.ndarray]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return {name: np.asarray(stored[name]) for name in stored.files if name in ("x", "y")}
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error, EOFError, TypeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise DataError(f"images must be an .npz file, got '{reason}' in {path}") from error
