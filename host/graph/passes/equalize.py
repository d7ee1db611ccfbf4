"""Cross-layer equalization: even out the channel ranges of consecutive convolutions.

Source: vai_q_tensorflow2, vitis_equalization_transforms.py; same float32 operations, same order.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from host.graph.graph import Graph, Op

STEPS = 10
_CONVS = ("conv2d", "depthwise-conv2d")
_SMALL = np.float32(0.1)  # of h + t, below which a channel is left alone
_LIMITS = np.float32(0.1), np.float32(10.0)


def equalize(graph: Graph) -> int:
    """Equalize in ten steps; returns the number of pairs.

    A pair is convolution - convolution, with nothing or one plain ReLU between, each used once.
    Each step takes pairs without activation first, then Activation('relu'), then ReLU layers.
    """
    pairs = [
        pair for keras_class in ("", "Activation", "ReLU") for pair in _pairs(graph, keras_class)
    ]
    for _ in range(STEPS):
        for head, tail in pairs:
            _equalize_pair(graph, head, tail)
    return len(pairs)


def _pairs(graph: Graph, between: str) -> Iterator[tuple[Op, Op]]:
    """Yield (head, tail) with an activation of the given Keras class between; '' for none."""
    for tail in graph.of_type(*_CONVS):
        middle = graph.input(tail)
        head = middle
        if between:
            if middle.type != "relu" or middle.attrs.get("__keras") != between:
                continue
            if len(graph.consumers(middle.name)) != 1:
                continue
            head = graph.input(middle)
        single = head.type in _CONVS and len(graph.consumers(head.name)) == 1
        if single and _channel_by_channel(graph, head, tail):
            yield head, tail


def _channel_by_channel(graph: Graph, head: Op, tail: Op) -> bool:
    """Say whether each output channel of the head is one input channel of the tail's weights."""
    plain = all(op.attrs.get("group", 1) == 1 for op in (head, tail))
    single = all(
        graph.input(op, "weights").tensor.dims[0] == 1
        for op in (head, tail)
        if op.type == "depthwise-conv2d"
    )
    return plain and single


def _equalize_pair(graph: Graph, head: Op, tail: Op) -> None:
    head_weights, tail_weights = graph.input(head, "weights"), graph.input(tail, "weights")
    head_bias = graph.input(head, "bias") if "bias" in head.args else None
    assert head_weights.data is not None and tail_weights.data is not None
    h = _largest(head_weights.data, _output_axis(head))
    if head_bias is not None and head_bias.data is not None:
        h = np.maximum(h, np.abs(head_bias.data))
    t = _largest(tail_weights.data, 3)
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
