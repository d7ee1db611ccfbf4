"""Makes the .tflite files of the CPU baselines from the float model; the runner itself is target's.

float: as it is. int8: LiteRT's own full-integer post-training quantization, calibrated on images,
with int8 input and output. Files are kept in a cache folder by the float model's sha256.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from host.graph.keras_file import load_keras_model
from host.quiet import import_keras, quiet_stderr
from target import files
from target.errors import DataError
from target.manifest import Manifest
from target.runners.cpu import LiteRtRunner

CALIBRATION_IMAGES = 200


def make_litert_runner(
    manifest: Manifest, name: str, threads: int, images: np.ndarray, cache: Path
) -> LiteRtRunner:
    """Return the LiteRT runner of a model, converting the float model if that was not done yet.

    Args:
        manifest: Names the float model.
        name: `litert-float` or `litert-int8`.
        threads: Of the interpreter.
        images: float32 (n, h, w, 1) for int8 calibration; the first 200 are used.
        cache: Folder for the .tflite files.

    Raises:
        ModelError: If the manifest names no float model.
        DataError: If int8 is asked for without images.
    """
    manifest.verify("float")
    source = manifest.file("float")
    key = files.sha256_of(source)[:16]
    if name == "litert-int8":
        key += "-" + hashlib.sha256(images[:CALIBRATION_IMAGES].tobytes()).hexdigest()[:8]
    path = cache / f"{manifest.name}-{key}-{name}.tflite"
    if not path.is_file():
        if name == "litert-int8" and not len(images):
            raise DataError("int8 calibration must have images, got none; pass --data")
        files.write_bytes(path, _convert(source, name == "litert-int8", images))
    with quiet_stderr():  # LiteRT announces its XNNPACK delegate
        return LiteRtRunner(path, name, threads)


def _convert(source: Path, int8: bool, images: np.ndarray) -> bytes:
    import_keras()
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(load_keras_model(source))
    if int8:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = _representative(images)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
    # The converter tells its story on stdout, on stderr and in warnings; errors still come out.
    with (
        quiet_stderr(),
        contextlib.redirect_stdout(io.StringIO()),
        warnings.catch_warnings(action="ignore"),
    ):
        return bytes(converter.convert())


def _representative(images: np.ndarray) -> Callable[[], Iterator[list[Any]]]:
    def give() -> Iterator[list[Any]]:
        for image in images[:CALIBRATION_IMAGES]:
            yield [image[None].astype(np.float32)]

    return give
