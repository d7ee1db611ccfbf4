"""The float model in Keras as a Runner, on the CPU or on a GPU that TensorFlow sees."""

from __future__ import annotations

from typing import Any

import numpy as np

from host.graph.keras_file import load_keras_model
from host.quiet import import_keras
from target.errors import BackendError
from target.manifest import Manifest
from target.runners.base import TensorSpec, check_tensor


class KerasRunner:
    """Calls the model as a compiled function, one image at a time.

    Args:
        manifest: Names the float model.
        name: `keras-cpu` or `keras-gpu`.

    Raises:
        BackendError: If a GPU is asked for and there is none.
        ModelError: If the manifest names no float model.
    """

    kind = "measured"
    threads: int | None = None  # TensorFlow decides
    gives_probabilities = True

    def __init__(self, manifest: Manifest, name: str) -> None:
        import_keras()
        import tensorflow as tf

        place, self.device = _device(tf, name)
        self.name = name
        size = manifest.input_size
        self.input = TensorSpec("image", (1, size, size, 1), "float32")
        self.output = TensorSpec("probabilities", (1, len(manifest.classes)), "float32")
        manifest.verify("float")
        with tf.device(place):
            model = load_keras_model(manifest.file("float"))
            self._call: Any = tf.function(lambda x: model(x, training=False))
        self._place = place
        self._tf = tf

    def infer(self, tensor: np.ndarray) -> np.ndarray:
        """Run the network on float32 (1, h, w, 1); returns probabilities float32 (1, outputs)."""
        check_tensor(tensor, self.input)
        with self._tf.device(self._place):
            return np.asarray(self._call(tensor))

    def close(self) -> None:
        """Drop the compiled function."""
        self._call = None


def _device(tf: Any, name: str) -> tuple[str, str]:
    if name == "keras-cpu":
        return "/CPU:0", "CPU, Keras on TensorFlow"
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        raise BackendError(
            "GPU must be visible to TensorFlow for keras-gpu, got none; use keras-cpu"
        )
    details = tf.config.experimental.get_device_details(gpus[0])
    return "/GPU:0", f"GPU {details.get('device_name', gpus[0].name)}, Keras on TensorFlow"
