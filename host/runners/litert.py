"""Float model -> .tflite: as it is, or with LiteRT's own full-integer quantization."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from host.graph.keras_file import load_keras_model
from host.quiet import import_keras, quiet_stderr

CALIBRATION_IMAGES = 200


def convert(source: Path, int8: bool, images: np.ndarray) -> bytes:
    """Return the bytes of a .tflite file.

    Args:
        source: The float model, .keras.
        int8: Quantize weights and activations; input and output become int8 too.
        images: float32 (n, h, w, 1) for that; the first 200 are used.
    """
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
