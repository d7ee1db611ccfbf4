"""Rebuilds the float network, and checks that it computes what it did where it was trained."""

from __future__ import annotations

from typing import Any, Dict

import numpy as np
import tensorflow as tf

from host.vitis.container.job import JobError, load_arrays, load_json

TOLERANCE = 1e-5


def compute_in_float32() -> None:
    """Turn off TensorFloat-32: with it, GPUs since Ampere keep 10 bits of a product's operands."""
    switch = getattr(tf.config.experimental, "enable_tensor_float_32_execution", None)
    if switch:  # TensorFlow 2.4 and later; the earlier ones do not use it
        switch(False)


def rebuild(folder: str) -> Any:
    """Build the network of network.json with the weights of network.npz.

    Args:
        folder: Of the job.

    Returns:
        A functional tf.keras.Model: AMD's tool mixes up the layers of Sequential ones.

    Raises:
        JobError: If the files are of another format or a layer is not known to this TensorFlow.
    """
    content = load_json(folder, "network.json")
    weights = load_arrays(folder, "network.npz")
    made: Dict[str, Any] = {}
    inputs = []
    for entry in content["layers"]:
        name, kind, options = entry["name"], entry["class"], entry["options"]
        if kind == "Input":
            made[name] = tf.keras.Input(shape=tuple(options["shape"]), name=name)
            inputs.append(made[name])
            continue
        if not hasattr(tf.keras.layers, kind):
            raise JobError(
                f"layer '{name}' must be in tf.keras.layers, got {kind} in TensorFlow {tf.__version__}"
            )
        layer = getattr(tf.keras.layers, kind)(name=name, **options)
        sources = [made[source] for source in entry["inputs"]]
        made[name] = layer(sources if len(sources) > 1 else sources[0])
        layer.set_weights([weights[key] for key in entry["weights"]])
    outputs = [made[name] for name in content["outputs"]]
    return tf.keras.Model(inputs, outputs if len(outputs) > 1 else outputs[0], name=content["name"])


def check_rebuilt(model: Any, images: np.ndarray, expected: np.ndarray) -> float:
    """Compare the outputs of the rebuilt network with those where it was trained.

    Args:
        model: Rebuilt.
        images: float32 (n, h, w, c).
        expected: float32 (n, outputs), of the network before it was written.

    Returns:
        The largest difference.

    Raises:
        JobError: If it is more than 1e-5 of the largest output, or of 1 if none is larger.
    """
    got = model.predict(images, verbose=0)
    got = got[0] if isinstance(got, list) else got
    difference = float(np.max(np.abs(got - expected)))
    limit = TOLERANCE * max(1.0, float(np.max(np.abs(expected))))
    if not difference <= limit:
        raise JobError(
            f"outputs of the rebuilt network must differ by at most {limit:.2g} from those where it was"
            f" trained, got {difference:.2g} in TensorFlow {tf.__version__}; report the network"
        )
    return difference
