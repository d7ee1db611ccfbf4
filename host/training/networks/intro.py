"""The first convolutional network of many courses: two convolutions, two poolings, one dense layer.

Without batch normalization or dropout; what it lacks is what there is to learn from it.
"""

from __future__ import annotations

import keras
from keras import layers

CHANNELS = (16, 32)


def build(
    outputs: int,
    batch_norm: bool = False,
    channels: tuple[int, int] = CHANNELS,
    dropout: float = 0.0,
    name: str = "intro",
) -> keras.Model:
    """Build it; input float32 (n, 28, 28, 1), output probabilities (n, outputs).

    Args:
        outputs: Number of classes.
        batch_norm: Whether each convolution is followed by batch normalization.
        channels: Of the two convolutions.
        dropout: Rate before the dense layer.
        name: Of the model.
    """
    image = keras.Input((28, 28, 1), name="image")
    x = image
    for index, width in enumerate(channels, start=1):
        x = layers.Conv2D(width, 3, use_bias=not batch_norm, name=f"conv{index}")(x)
        if batch_norm:
            x = layers.BatchNormalization(name=f"bn{index}")(x)
        x = layers.ReLU(name=f"relu{index}")(x)
        x = layers.MaxPooling2D(2, name=f"pool{index}")(x)
    x = layers.Flatten(name="flat")(x)
    if dropout:
        x = layers.Dropout(dropout, name="drop")(x)
    x = layers.Dense(outputs, name="fc")(x)
    x = layers.Activation("softmax", name="softmax")(x)
    return keras.Model(image, x, name=name)
