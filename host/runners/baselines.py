"""The baselines' model files, made from the float model and kept in a cache by its sha256."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from host.data.calibration import network_input
from host.graph.from_keras import from_keras
from host.graph.keras_file import load_keras_model
from host.runners.litert import CALIBRATION_IMAGES, convert
from target import files
from target.errors import DataError
from target.manifest import Manifest
from target.runners.table import BASELINES


def baseline_file(name: str, manifest: Manifest, images: np.ndarray, cache: Path) -> Path:
    """Return the file of a baseline, made if it was not there.

    Args:
        name: A key of BASELINES.
        manifest: Names the float model.
        images: uint8 (n, h, w), gray and not treated, for LiteRT's int8 calibration; the first 200.
        cache: Folder for the files.

    Raises:
        ModelError: If the manifest names no float model, or the format has no counterpart of an op.
        DataError: If int8 is asked for without images.
    """
    manifest.verify("float")
    source = manifest.file("float")
    images = network_input(images[:CALIBRATION_IMAGES], manifest.treatment)
    key = files.sha256_of(source)[:16]
    if name == "litert-int8":
        if not len(images):
            raise DataError("int8 calibration must have images, got none; pass --data")
        key += "-" + hashlib.sha256(images.tobytes()).hexdigest()[:8]
    path = cache / f"{manifest.name}-{key}-{BASELINES[name]}"
    if not path.is_file():
        files.write_bytes(path, _make(name, source, images))
    return path


def _make(name: str, source: Path, images: np.ndarray) -> bytes:
    if BASELINES[name].endswith(".onnx"):
        from host.runners.onnx_file import to_onnx

        return to_onnx(from_keras(load_keras_model(source)))
    return convert(source, name == "litert-int8", images)
