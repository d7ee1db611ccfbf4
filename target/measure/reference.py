"""The images of a benchmark and what is known of them: letters, the DPU's codes, the float model's answers.

Made on the development machine (python -m host export), read on the board.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Dict, Optional

import numpy as np

from target.errors import DataError
from target.manifest import Manifest


@dataclasses.dataclass(frozen=True)
class Reference:
    """Images and answers; n is their number.

    Attributes:
        images: uint8 (n, h, w) gray or (n, h, w, 3) BGR, as a camera gives them.
        labels: int64 (n,), the output that is right, -1 where unknown.
        codes: int8 (n, outputs), what the DPU gives; None if unknown.
        float_outputs: int64 (n,), the output the float model chooses; None if unknown.
        source: Of the images, in words.
    """

    images: np.ndarray
    labels: np.ndarray
    codes: Optional[np.ndarray]
    float_outputs: Optional[np.ndarray]
    source: str

    def __len__(self) -> int:
        return len(self.images)


def load_reference(path: Path, manifest: Manifest) -> Reference:
    """Read a reference from an .npz file.

    Args:
        path: With images, labels, codes, float_outputs, source, model_sha256.
        manifest: Of the model that it must belong to.

    Raises:
        DataError: If it is not such a file, or belongs to another model.
    """
    arrays = _read(path)
    missing = {"images", "labels", "codes", "float_outputs", "source", "model_sha256"} - set(arrays)
    if missing:
        raise DataError(
            f"reference must have {', '.join(sorted(missing))}, got none in {path}; run make export"
        )
    owner = str(arrays["model_sha256"])
    if owner != manifest.sha256:
        raise DataError(
            f"reference must belong to model {manifest.sha256[:16]}..., got one of {owner[:16]}... in"
            f" {path}; run make export"
        )
    found = Reference(
        arrays["images"],
        arrays["labels"],
        arrays["codes"],
        arrays["float_outputs"],
        str(arrays["source"]),
    )
    _check(found, manifest, path)
    return found


def _read(path: Path) -> Dict[str, np.ndarray]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return {name: np.asarray(stored[name]) for name in stored.files}
    except MemoryError:
        raise
    except Exception as error:  # zipfile, zlib, struct and numpy each have errors of their own
        raise DataError(
            "reference must be an .npz file of python -m host export,"
            f" got '{' '.join(str(error).split())[:200]}' in {path}; run make export"
        ) from error


def _check(found: Reference, manifest: Manifest, path: Path) -> None:
    shape = found.images.shape
    if len(shape) not in (3, 4) or 0 in shape or shape[3:] not in ((), (3,)):
        raise DataError(
            f"images must be uint8 (n, h, w) or (n, h, w, 3) and not empty, got {found.images.dtype}"
            f" {shape} in {path}; run make export"
        )
    count, outputs = len(found.images), len(manifest.classes)
    assert found.codes is not None and found.float_outputs is not None
    expected = (
        ("images", found.images, "uint8", shape),
        ("labels", found.labels, "int64", (count,)),
        ("codes", found.codes, "int8", (count, outputs)),
        ("float_outputs", found.float_outputs, "int64", (count,)),
    )
    for name, array, dtype, wanted in expected:
        if array.dtype != np.dtype(dtype) or array.shape != wanted:
            raise DataError(
                f"{name} must be {dtype} {wanted}, got {array.dtype} {array.shape} in {path};"
                " run make export"
            )
