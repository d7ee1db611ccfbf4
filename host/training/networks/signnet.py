"""A small network made for the DPU.

3x3 convolutions with channels in multiples of 16 (the array is 16 x 16 channels), batch norm before
the ReLU so that it folds into the convolution, and global average pooling instead of a large dense
layer: all weights stay on chip, nothing is streamed from DDR.
"""

from __future__ import annotations

import keras
from keras import layers

STAGES = (16, 32, 64)
CONVS_PER_STAGE = 2
BN_MOMENTUM = 0.9  # Keras's 0.99 lags behind for the first thousand steps: validation is blind


def build(outputs: int) -> keras.Model:
    """Build it; input float32 (n, 28, 28, 1), output probabilities (n, outputs)."""
    image = keras.Input((28, 28, 1), name="image")
    x = image
    for stage, channels in enumerate(STAGES, start=1):
        for index in range(1, CONVS_PER_STAGE + 1):
            name = f"{stage}{'abcdefgh'[index - 1]}"
            x = layers.Conv2D(channels, 3, padding="same", use_bias=False, name=f"conv{name}")(x)
            x = layers.BatchNormalization(momentum=BN_MOMENTUM, name=f"bn{name}")(x)
            x = layers.ReLU(name=f"relu{name}")(x)
        if stage < len(STAGES):
            x = layers.MaxPooling2D(2, name=f"pool{stage}")(x)
    x = layers.GlobalAveragePooling2D(name="gap")(x)
    x = layers.Dropout(0.2, name="drop")(x)
    x = layers.Dense(outputs, name="fc")(x)
    x = layers.Activation("softmax", name="softmax")(x)
    return keras.Model(image, x, name="signnet")
