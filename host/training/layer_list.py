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
        DataError: If a type is another one, or Keras refuses the input or a layer.
    """
    import_keras()
    import keras

    where = f"input {list(input_shape)}"
    try:
        image = x = keras.Input(tuple(input_shape))
        for index, entry in enumerate(entries):
            where = f"layer {index}"
            x = _layer(x, entry)
        return keras.Model(image, x)
    except DataError:
        raise
    except Exception as error:  # Keras raises many kinds for sizes and names it cannot use
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"{where} must be one that Keras takes, got {type(error).__name__}: {reason}"
        ) from error


def _layer(x: Any, entry: dict[str, Any]) -> Any:
    from keras import layers

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
    return x
