"""A small network made for the DPU, and for people it has never seen.

3x3 convolutions with channels in multiples of 16 (the array is 16 x 16 channels), batch norm before
the ReLU so that it folds into the convolution. The last convolution covers the whole map that is left, so
where a finger is counts as much as that there is one; global pooling would forget it, and a
flattened dense layer would be streamed from DDR on every frame.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

STAGES = (16, 32, 64)
CONVS_PER_STAGE = 2
HEAD = 64
BN_MOMENTUM = 0.9  # Keras's 0.99 lags behind for the first thousand steps: validation is blind


def build(outputs: int, batch_norm: bool = True) -> keras.Model:
    """Build it; input float32 (n, 28, 28, 1), output probabilities (n, outputs)."""
    image = keras.Input((28, 28, 1), name="image")
    x = image
    for stage, channels in enumerate(STAGES, start=1):
        for index in range(1, CONVS_PER_STAGE + 1):
            name = f"{stage}{'abcdefgh'[index - 1]}"
            x = _convolve(x, channels, name, batch_norm)
        if stage < len(STAGES):
            x = layers.MaxPooling2D(2, name=f"pool{stage}")(x)
    x = _convolve(x, HEAD, "4", batch_norm, strides=2)
    x = layers.Dropout(0.2, name="drop")(x)
    x = layers.Conv2D(outputs, x.shape[1], name="fc")(x)
    x = layers.Reshape((outputs,), name="scores")(x)
    x = layers.Activation("softmax", name="softmax")(x)
    return keras.Model(image, x, name="signnet")


def _convolve(x: Any, channels: int, name: str, batch_norm: bool, strides: int = 1) -> Any:
    x = layers.Conv2D(
        channels, 3, strides, padding="same", use_bias=not batch_norm, name=f"conv{name}"
    )(x)
    if batch_norm:
        x = layers.BatchNormalization(momentum=BN_MOMENTUM, name=f"bn{name}")(x)
    return layers.ReLU(name=f"relu{name}")(x)
