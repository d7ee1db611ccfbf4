"""The float model in Keras as a Runner, on the CPU or on a GPU.

On TensorFlow, or, where KERAS_BACKEND says so, on torch or jax: a machine with a GPU need not have
TensorFlow. The only file of the runners that imports them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from host.graph.keras_file import load_keras_model
from host.quiet import import_keras
from target.errors import BackendError
from target.manifest import Manifest
from target.runners.base import Staged, check_tensor, float_specs


class _Backend(NamedTuple):
    """What differs between Keras's back ends.

    Attributes:
        device: In words.
        put: numpy -> tensor on the device.
        call: Tensor -> tensor, done when it returns.
        take: Tensor -> what numpy takes.
    """

    device: str
    put: Callable[[np.ndarray], Any]
    call: Callable[[Any], Any]
    take: Callable[[Any], Any] = np.asarray


class KerasRunner(Staged):
    """Calls the model as a compiled function, one image at a time.

    Args:
        manifest: Names the float model.
        name: `keras-cpu` or `keras-gpu`.

    Raises:
        BackendError: If a GPU is asked for and there is none, or the back end is another one.
        ModelError: If the manifest names no float model.
    """

    kind = "measured"
    threads: int | None = None  # the back end decides
    gives_probabilities = True
    promise = "letters"

    def __init__(self, manifest: Manifest, name: str) -> None:
        import_keras()
        import keras

        self.name = name
        self.input, self.output = float_specs(manifest.input_size, len(manifest.classes))
        manifest.verify("float")
        chosen = keras.backend.backend()
        if chosen not in _BACKENDS:
            raise BackendError(
                f"Keras's back end must be one of {', '.join(_BACKENDS)}, got '{chosen}'; set"
                " KERAS_BACKEND"
            )
        backend = _BACKENDS[chosen](manifest, name == "keras-gpu")
        self.device = backend.device
        self._put, self._call, self._take = backend.put, backend.call, backend.take
        self._tensor: Any = None
        self._result: Any = None

    def put(self, tensor: np.ndarray) -> None:
        """Copy float32 (1, h, w, 1) to the device."""
        check_tensor(tensor, self.input)
        self._tensor = self._put(tensor)

    def execute(self) -> None:
        """Run the network and wait for it."""
        self._result = self._call(self._tensor)

    def take(self) -> np.ndarray:
        """Return probabilities, float32 (1, outputs)."""
        return np.asarray(self._take(self._result))

    def close(self) -> None:
        """Drop the compiled function."""
        self._call = _closed
        self._tensor = self._result = None


def _closed(tensor: Any) -> Any:
    raise BackendError("runner must not be used after close")


def _no_gpu(backend: str) -> BackendError:
    return BackendError(
        f"GPU must be visible to Keras's back end {backend} for keras-gpu, got none; use keras-cpu, or"
        " set KERAS_BACKEND to torch or jax where these see one"
    )


def _tensorflow(manifest: Manifest, gpu: bool) -> _Backend:
    import tensorflow as tf

    place, device = "/CPU:0", "CPU, Keras on TensorFlow"
    gpus = tf.config.list_physical_devices("GPU")
    if gpu:
        if not gpus:
            raise _no_gpu("tensorflow")
        details = tf.config.experimental.get_device_details(gpus[0])
        place = "/GPU:0"
        device = f"GPU {details.get('device_name', gpus[0].name)}, Keras on TensorFlow"
    with tf.device(place):
        model = load_keras_model(manifest.file("float"))
        function = tf.function(lambda x: model(x, training=False))

    def put(tensor: np.ndarray) -> Any:
        with tf.device(place):
            return tf.identity(tf.constant(tensor))

    def call(tensor: Any) -> Any:
        with tf.device(place):
            result = function(tensor)
        if gpu:
            tf.test.experimental.sync_devices()
        return result

    return _Backend(device, put, call)


def _torch(manifest: Manifest, gpu: bool) -> _Backend:
    import torch

    if gpu and not torch.cuda.is_available():
        raise _no_gpu("torch")
    place = "cuda:0" if gpu else "cpu"
    device = f"GPU {torch.cuda.get_device_name(0)}" if gpu else "CPU"
    import keras

    with keras.device(place):  # Keras moves inputs to its own default otherwise
        model = load_keras_model(manifest.file("float")).to(place).eval()

    def call(tensor: Any) -> Any:
        with keras.device(place), torch.no_grad():
            result = model(tensor, training=False)
        if gpu:
            torch.cuda.synchronize()
        return result

    return _Backend(
        f"{device}, Keras on torch",
        lambda tensor: torch.from_numpy(tensor.copy()).to(place),
        call,
        lambda tensor: tensor.cpu(),
    )


def _jax(manifest: Manifest, gpu: bool) -> _Backend:
    import jax

    try:
        place = jax.devices("gpu" if gpu else "cpu")[0]
    except RuntimeError as error:
        raise _no_gpu("jax") from error
    device = f"GPU {place.device_kind}" if gpu else "CPU"
    model = load_keras_model(manifest.file("float"))
    state = jax.device_put(
        (
            [v.value for v in model.trainable_variables],
            [v.value for v in model.non_trainable_variables],
        ),
        place,
    )
    function = jax.jit(lambda state, x: model.stateless_call(*state, x, training=False)[0])

    def call(tensor: Any) -> Any:
        return function(state, tensor).block_until_ready()

    return _Backend(
        f"{device}, Keras on jax", lambda tensor: jax.device_put(tensor.copy(), place), call
    )


_BACKENDS = {"tensorflow": _tensorflow, "torch": _torch, "jax": _jax}
