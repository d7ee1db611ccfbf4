"""Fold a batch norm into the convolution or dense layer right before it.

Source: vai_q_tensorflow2, vitis_optimize_transforms.py (fold_conv_bn); same float32 operations.
"""

from __future__ import annotations

import numpy as np

from host.graph.graph import Graph, Op, const

CONV_LIKE = ("conv2d", "depthwise-conv2d", "transposed-conv2d", "inner-product")


def batchnorm_scale(graph: Graph, op: Op) -> np.ndarray:
    """Return gamma / sqrt(var + epsilon), float32 (channels,)."""
    variance = graph.data_of(op, "moving_var")
    return np.asarray(
        graph.data_of(op, "gamma") / np.sqrt(variance + np.float32(op.attrs["epsilon"]))
    )


def fold_batchnorm(graph: Graph) -> int:
    """Fold every batch norm whose input is a convolution that nobody else uses.

    The convolution keeps its name and gets a bias. Returns the number of batch norms folded.
    """
    count = 0
    for op in graph.of_type("batchnorm"):
        conv = graph.input(op)
        if conv.type not in CONV_LIKE or len(graph.consumers(conv.name)) != 1:
            continue
        scale = batchnorm_scale(graph, op)
        weights = graph.input(conv, "weights")
        _scale_weights(weights, conv, scale)
        bias = graph.data_of(conv, "bias") if "bias" in conv.args else np.zeros_like(scale)
        folded = graph.data_of(op, "beta") + (bias - graph.data_of(op, "moving_mean")) * scale
        _set_bias(graph, conv, folded)
        graph.redirect(op.name, conv.name)
        graph.remove(op.name)
        count += 1
    return count


def _scale_weights(weights: Op, conv: Op, scale: np.ndarray) -> None:
    assert weights.data is not None
    if conv.type == "depthwise-conv2d":
        multiplier, channels = weights.data.shape[0], weights.data.shape[-1]
        weights.data = weights.data * scale.reshape(channels, multiplier).T[:, None, None, :]
    else:
        weights.data = weights.data * scale.reshape(-1, *[1] * (weights.data.ndim - 1))


def _set_bias(graph: Graph, conv: Op, values: np.ndarray) -> None:
    if "bias" in conv.args:
        graph.input(conv, "bias").data = values
        return
    graph.add(const(f"{conv.name}/bias", values), before=conv.name)
    conv.args["bias"] = [f"{conv.name}/bias"]
