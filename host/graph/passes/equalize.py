"""Cross-layer equalization: even out the channel ranges of consecutive convolutions.

Source: vai_q_tensorflow2, vitis_equalization_transforms.py; same float32 operations, same order.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from host.graph.graph import Graph, Op

STEPS = 10
_CONVS = ("conv2d", "depthwise-conv2d")
_BETWEEN = {"Activation": ("relu", "identity"), "ReLU": ("relu", "leaky-relu")}
_SMALL = np.float32(0.1)  # of h + t, below which a channel is left alone
_LIMITS = np.float32(0.1), np.float32(10.0)


def equalize(graph: Graph, match_vai_q: bool = False) -> int:
    """Equalize in ten steps; returns the number of pairs.

    A pair is convolution - convolution, with nothing or one activation between, each used once. Each
    step takes pairs without activation first, then Activation('relu') and ('linear'), then ReLU layers
    without a highest value.

    Args:
        graph: Changed in place.
        match_vai_q: Mix up the channels of a depthwise tail with several kernels a channel, as the
            tool does by mistake.
    """
    pairs = [
        pair for keras_class in ("", "Activation", "ReLU") for pair in _pairs(graph, keras_class)
    ]
    for _ in range(STEPS):
        for head, tail in pairs:
            _equalize_pair(graph, head, tail, match_vai_q)
    return len(pairs)


def _pairs(graph: Graph, between: str) -> Iterator[tuple[Op, Op]]:
    """Yield (head, tail) with an activation of the given Keras class between; '' for none."""
    for tail in graph.of_type(*_CONVS):
        middle = graph.input(tail)
        head = middle
        if between:
            if middle.type not in _BETWEEN[between] or middle.attrs.get("__keras") != between:
                continue
            if len(graph.consumers(middle.name)) != 1:
                continue
            head = graph.input(middle)
        single = head.type in _CONVS and len(graph.consumers(head.name)) == 1
        if single and _channel_by_channel(graph, head, tail):
            yield head, tail


def _channel_by_channel(graph: Graph, head: Op, tail: Op) -> bool:
    """Say whether each output channel of the head is one input channel of the tail's weights."""
    if head.type == "depthwise-conv2d" and graph.input(head, "weights").tensor.dims[0] != 1:
        return False
    return bool(tail.attrs.get("group", 1) == 1)


def _equalize_pair(graph: Graph, head: Op, tail: Op, match_vai_q: bool) -> None:
    head_weights, tail_weights = graph.input(head, "weights"), graph.input(tail, "weights")
    head_bias = graph.input(head, "bias") if "bias" in head.args else None
    assert head_weights.data is not None and tail_weights.data is not None
    h = _largest(head_weights.data, _output_axis(head))
    if head_bias is not None and head_bias.data is not None:
        h = np.maximum(h, np.abs(head_bias.data))
    t = _largest(tail_weights.data, 3)
    if match_vai_q and tail.type == "depthwise-conv2d":
        in_keras = tail_weights.data.transpose(1, 2, 3, 0)
        t = np.abs(in_keras.reshape(-1, in_keras.shape[2])).max(axis=0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        scale = np.clip(np.sqrt(t / h), *_LIMITS)
    scale = np.where(h + t < _SMALL, np.float32(1), scale)
    head_weights.data = head_weights.data * _along(scale, _output_axis(head))
    if head_bias is not None and head_bias.data is not None:
        head_bias.data = head_bias.data * scale
    tail_weights.data = tail_weights.data / _along(scale, 3)


def _output_axis(op: Op) -> int:
    """Return the axis of output channels: weights are (oc, kh, kw, ic), depthwise (1, kh, kw, c)."""
    return 3 if op.type == "depthwise-conv2d" else 0


def _largest(weights: np.ndarray, axis: int) -> np.ndarray:
    others = tuple(index for index in range(weights.ndim) if index != axis)
    return np.asarray(np.abs(weights).max(axis=others))


def _along(scale: np.ndarray, axis: int) -> np.ndarray:
    shape = [1, 1, 1, 1]
    shape[axis] = -1
    return scale.reshape(shape)
