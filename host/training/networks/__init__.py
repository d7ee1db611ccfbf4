"""Networks by name: one file each with `build(outputs) -> keras.Model`. Keras is imported on first use."""

from __future__ import annotations

import importlib
from typing import Any

from target.errors import ModelError

NETWORKS = {
    "dropout": "host.training.networks.dropout",
    "intro": "host.training.networks.intro",
    "signnet": "host.training.networks.signnet",
    "tutorial": "host.training.networks.tutorial",
}


def build_network(name: str, outputs: int, batch_norm: bool | None = None) -> Any:
    """Build a network with fresh weights.

    Args:
        name: A key of NETWORKS.
        outputs: Number of classes; output i is label value i.
        batch_norm: With or without batch normalization; None as the network is meant to be.

    Returns:
        A functional keras.Model, input float32 (n, 28, 28, 1) in [0, 1], output probabilities
        float32 (n, outputs).

    Raises:
        ModelError: If the name is unknown.
    """
    if name not in NETWORKS:
        raise ModelError(f"network must be one of {sorted(NETWORKS)}, got {name!r}")
    build = importlib.import_module(NETWORKS[name]).build
    return build(outputs) if batch_norm is None else build(outputs, batch_norm)
