"""The second network of many courses: wider than `intro`, and with dropout 0.5 against overfitting."""

from __future__ import annotations

import keras

from host.training.networks import intro


def build(outputs: int, batch_norm: bool = False) -> keras.Model:
    """Build it; input float32 (n, 28, 28, 1), output probabilities (n, outputs)."""
    return intro.build(outputs, batch_norm, channels=(64, 64), dropout=0.5, name="dropout")
