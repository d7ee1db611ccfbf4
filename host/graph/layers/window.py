"""Kernel, stride, dilation and padding of a Keras layer in XIR's form: [w, h], [l, r, t, b]."""

from __future__ import annotations

from typing import Any

from host.graph.layers.base import LayerCall


def same_padding(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Return the pixels before and behind an axis that TensorFlow's SAME adds.

    >>> same_padding(28, 3, 1, 1), same_padding(28, 3, 2, 1), same_padding(28, 2, 2, 1)
    ((1, 1), (0, 1), (0, 0))
    """
    reach = (kernel - 1) * dilation + 1
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


def window(call: LayerCall, kernel: tuple[int, int], dilation: tuple[int, int]) -> dict[str, Any]:
    """Return kernel, stride, dilation and pad of a layer; SAME is resolved."""
    layer = call.layer
    top, left = (
        same_padding(*axis) if layer.padding == "same" else (0, 0)
        for axis in zip(call.dims_in[1:3], kernel, layer.strides, dilation)
    )
    return {
        "kernel": [int(kernel[1]), int(kernel[0])],
        "stride": [int(layer.strides[1]), int(layer.strides[0])],
        "dilation": [int(dilation[1]), int(dilation[0])],
        "pad": [*left, *top],
        "pad_mode": "FLOOR",
    }
