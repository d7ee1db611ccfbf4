"""Reads Keras models from files. The only file of host/graph that imports Keras (and so TensorFlow).

Keras 2 wrote .h5 files whose layer options Keras 3 refuses or understands otherwise; they are mended on
a copy: options that mean nothing go, such as `groups` of DepthwiseConv2D, `alpha` of LeakyReLU becomes
`negative_slope`, and `hard_sigmoid` stays clip(0.2 x + 0.5, 0, 1), which Keras 3 has redefined.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from host.graph.layers.activation import KERAS2_HARD_SIGMOID
from host.quiet import import_keras
from target.errors import ModelError

_H5 = (".h5", ".hdf5")
# Options that Keras 2 writes though they mean nothing for the layer.
_IDLE = {
    "Conv2DTranspose": ("groups",),
    "DepthwiseConv2D": ("groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint"),
    "SeparableConv2D": ("groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint"),
}


def load_keras_model(path: Path) -> Any:
    """Load a .keras file, or an .h5 file of Keras 2 or 3.

    Raises:
        ModelError: If it is missing or cannot be read.
    """
    if not path.is_file():
        raise ModelError(
            f"float model must be a .keras or .h5 file, got no file at {path}; run make train"
        )
    import_keras()
    _register_keras2()
    try:
        if path.suffix in _H5:
            return _load_h5(path)
        import keras

        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras raises many kinds for a damaged or foreign file
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"float model must be readable by Keras 3, got '{reason}' in {path}"
        ) from error


def _register_keras2() -> None:
    import keras

    if keras.saving.get_registered_object(KERAS2_HARD_SIGMOID) is None:
        package, name = KERAS2_HARD_SIGMOID.split(">")
        register = keras.saving.register_keras_serializable(package=package, name=name)
        register(_keras2_hard_sigmoid)


def _keras2_hard_sigmoid(x: Any) -> Any:
    import keras

    return keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)


def _load_h5(path: Path) -> Any:
    import h5py
    import keras

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        shutil.copyfile(path, copy)
        with h5py.File(copy, "r+") as file:
            if "model_config" not in file.attrs:
                raise ModelError(f"it must hold a whole model, got weights alone in {path}")
            config = json.loads(file.attrs["model_config"])
            version = str(file.attrs.get("keras_version", "2"))
            if version.startswith("2"):
                _mend(config)
                file.attrs["model_config"] = json.dumps(config)
        return keras.saving.load_model(copy, compile=False)


def _mend(config: Any) -> None:
    """Change the serialized layers of a Keras 2 model, at any depth, to what Keras 3 reads alike."""
    if isinstance(config, list):
        for item in config:
            _mend(item)
    if not isinstance(config, dict):
        return
    options = config.get("config")
    if isinstance(options, dict) and "class_name" in config:
        kind = config["class_name"]
        for option in _IDLE.get(kind, ()):
            options.pop(option, None)
        if kind == "LeakyReLU" and "alpha" in options:
            options["negative_slope"] = options.pop("alpha")
        for ends in (
            "input_layers",
            "output_layers",
        ):  # Keras 3 tells one tensor from a list of one
            if ends in options and len(options[ends]) == 1:
                options[ends] = options[ends][0]
        if options.get("activation") == "hard_sigmoid":
            options["activation"] = KERAS2_HARD_SIGMOID
    for value in config.values():
        _mend(value)
