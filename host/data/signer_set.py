"""Photos of several people in one .npz file, and folders of them: what a model is judged on, or trained on.

An .npz file holds

    images        uint8 (n, h, w, 3) RGB or (n, h, w) gray
    labels        whole numbers (n,), 0-25 = A-Z; J and Z need movement and are left out
    signer        (n,), optional: who signs
    clip          (n,), optional: which film an image is from, for a majority vote
    source_photo  (n,), optional: which photo an image was made from
"""

from __future__ import annotations

import dataclasses
import hashlib
import zipfile
import zlib
from pathlib import Path

import numpy as np

from host.data.load import load_test_samples
from host.data.samples import Samples
from target.errors import DataError
from target.opencv import cv2
from target.text.labels import STATIC_LABELS
from target.vision.crop import centre_square, cut

_NAMES = ("signer", "clip", "source_photo")


@dataclasses.dataclass(frozen=True)
class SignerSet:
    """Labelled photos and who is on them.

    Attributes:
        samples: Gray, square; its signers and photos are indices.
        signers: Name of each signer index; empty if nobody knows who signs.
        clips: int64 (n,), the film each image is from; None if there are none.
    """

    samples: Samples
    signers: tuple[str, ...] = ()
    clips: np.ndarray | None = None


def load_signer_set(path: Path, size: int, max_trim: float, cache: Path | None = None) -> SignerSet:
    """Read an .npz file of photos, or anything that `load_test_samples` reads.

    Args:
        path: .npz file, archive, or folder of photos by letter.
        size: Side that the photos are shrunk to.
        max_trim: Of the crop rule.
        cache: Folder for the parsed archive.

    Raises:
        DataError: If it is none of these, or its arrays do not fit each other.
    """
    if path.suffix != ".npz":
        return SignerSet(load_test_samples(path, cache, size, max_trim))
    arrays = _read(path)
    images, labels = _checked(arrays, path)
    kept = np.isin(labels, STATIC_LABELS)
    if not kept.any():
        raise DataError(f"labels must name still letters (0-24 without 9), got none in {path}")
    gray = np.stack([_shrink(image, size, max_trim) for image in images[kept]])
    found = {
        name: np.unique(arrays[name][kept], return_inverse=True)
        for name in _NAMES
        if name in arrays
    }
    numbers = {name: inverse.astype(np.int64) for name, (_, inverse) in found.items()}
    samples = Samples(
        gray,
        labels[kept].astype(np.uint8),
        str(path),
        hashlib.sha256(path.read_bytes()).hexdigest(),
        numbers.get("signer"),
        numbers.get("source_photo"),
    )
    names = tuple(str(name) for name in found["signer"][0]) if "signer" in found else ()
    return SignerSet(samples, names, numbers.get("clip"))


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            wanted = [name for name in ("images", "labels", *_NAMES) if name in stored.files]
            return {name: np.asarray(stored[name]) for name in wanted}
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error, EOFError, TypeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise DataError(f"signers must be an .npz file, got '{reason}' in {path}") from error


def _checked(arrays: dict[str, np.ndarray], path: Path) -> tuple[np.ndarray, np.ndarray]:
    missing = [name for name in ("images", "labels") if name not in arrays]
    if missing:
        raise DataError(
            f"signers must have arrays 'images' and 'labels', got no {missing[0]} in {path}"
        )
    images, labels = arrays["images"], arrays["labels"]
    colour = images.ndim == 4 and images.shape[3] == 3
    if images.dtype != np.uint8 or not (colour or images.ndim == 3) or 0 in images.shape:
        raise DataError(
            f"array 'images' must be uint8 (n, h, w, 3) or (n, h, w) with n > 0, got {images.dtype}"
            f" {images.shape} in {path}"
        )
    for name, values in arrays.items():
        if name != "images" and values.shape != (len(images),):
            raise DataError(
                f"array '{name}' must have one value for each of {len(images)} images, got"
                f" {values.shape} in {path}"
            )
    if not np.issubdtype(labels.dtype, np.integer):
        raise DataError(f"array 'labels' must be whole numbers 0-25, got {labels.dtype} in {path}")
    if labels.min() < 0 or labels.max() > 25:
        raise DataError(
            f"array 'labels' must be whole numbers 0-25, got {labels.min()} to {labels.max()} in {path}"
        )
    return images, labels


def _shrink(image: np.ndarray, size: int, max_trim: float) -> np.ndarray:
    """Return gray uint8 (size, size), as the application makes it of a frame."""
    square = cut(image, centre_square(image.shape[0], image.shape[1], size, max_trim))
    gray = cv2.cvtColor(square, cv2.COLOR_RGB2GRAY) if square.ndim == 3 else square
    return np.asarray(cv2.resize(gray, (size, size), interpolation=cv2.INTER_AREA))
