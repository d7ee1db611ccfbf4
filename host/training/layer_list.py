"""A published network given as a list of layers, as a Keras model without weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from host.quiet import import_keras
from target.errors import DataError


def build_layer_list(input_shape: Sequence[int], entries: Sequence[dict[str, Any]]) -> Any:
    """Build a chain of layers.

    Args:
        input_shape: Height, width, channels.
        entries: Layers with `type` conv2d (filters, kernel, strides, padding), max_pool (size,
            strides, padding), flatten or dense (units); batch_norm and activation as they say.

    Raises:
        DataError: If a type is another one.
    """
    import_keras()
    import keras
    from keras import layers

    image = x = keras.Input(tuple(input_shape))
    for entry in entries:
        kind = entry["type"]
        if kind == "conv2d":
            options = (entry["filters"], entry["kernel"], entry["strides"], entry["padding"])
            x = layers.Conv2D(*options)(x)
        elif kind == "max_pool":
            x = layers.MaxPooling2D(entry["size"], entry["strides"], entry["padding"])(x)
        elif kind == "flatten":
            x = layers.Flatten()(x)
        elif kind == "dense":
            x = layers.Dense(entry["units"])(x)
        else:
            raise DataError(f"layer must be conv2d, max_pool, flatten or dense, got '{kind}'")
        if entry.get("batch_norm"):
            x = layers.BatchNormalization()(x)
        if entry.get("activation") not in (None, "linear"):
            x = layers.Activation(entry["activation"])(x)
    return keras.Model(image, x)
