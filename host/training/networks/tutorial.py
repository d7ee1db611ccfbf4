"""The network of the tutorial series this project follows (Beetlebox, Sign Language MNIST on Vitis AI).

Its batch norms stand after the ReLU, so they cannot be folded and become 1x1 depthwise layers on
the DPU; its 3136 x 512 dense layer holds 98 % of the weights and must be streamed from DDR on every
frame.
"""

from __future__ import annotations

import keras
from keras import layers


def build(outputs: int, batch_norm: bool = True) -> keras.Model:
    """Build it; input float32 (n, 28, 28, 1), output probabilities (n, outputs)."""
    image = keras.Input((28, 28, 1), name="image")
    x = image
    for index, channels in enumerate((28, 64), start=1):
        x = layers.Conv2D(channels, 3, padding="same", name=f"conv{index}")(x)
        x = layers.Activation("relu", name=f"relu{index}")(x)
        if batch_norm:
            x = layers.BatchNormalization(name=f"bn{index}")(x)
        x = layers.MaxPooling2D(2, name=f"pool{index}")(x)
    x = layers.Dropout(0.4, name="drop1")(x)
    x = layers.Flatten(name="flat")(x)
    x = layers.Dense(512, name="fc1")(x)
    x = layers.Activation("relu", name="relu3")(x)
    x = layers.Dropout(0.4, name="drop2")(x)
    x = layers.Dense(outputs, name="fc2")(x)
    x = layers.Activation("softmax", name="softmax")(x)
    return keras.Model(image, x, name="tutorial")
