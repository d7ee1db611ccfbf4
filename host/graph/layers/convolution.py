"""Conv2D, DepthwiseConv2D, SeparableConv2D, Conv2DTranspose, Dense and BatchNormalization.

Weights take XIR's layout: (oc, kh, kw, ic), depthwise (multiplier, kh, kw, c), dense (oc, ic); those
of a transposed convolution are turned by 180 degrees, as XIR wants them.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from host.graph.graph import Op, Tensor
from host.graph.layers.base import LayerCall
from host.graph.layers.window import window


def conv2d(call: LayerCall) -> str:
    """Conv2D -> conv2d, with groups."""
    layer = call.layer
    attrs = window(call, layer.kernel_size, layer.dilation_rate)
    if layer.groups != 1:
        attrs["group"] = int(layer.groups)
    kernel = np.asarray(layer.kernel).transpose(3, 0, 1, 2)
    return call.add("conv2d", attrs, **_weights(call, kernel))


def depthwise_conv2d(call: LayerCall) -> str:
    """DepthwiseConv2D -> depthwise-conv2d."""
    layer = call.layer
    kernel = np.asarray(layer.kernel).transpose(3, 0, 1, 2)
    attrs = window(call, layer.kernel_size, layer.dilation_rate)
    return call.add("depthwise-conv2d", attrs, **_weights(call, kernel))


def separable_conv2d(call: LayerCall) -> str:
    """SeparableConv2D -> <name>_depthwise_conv without bias, <name>_pointwise_conv."""
    layer, graph = call.layer, call.graph
    first = dataclasses.replace(call, name=f"{call.name}_depthwise_conv")
    kernel = np.asarray(layer.depthwise_kernel).transpose(3, 0, 1, 2)
    attrs = {"__keras": "DepthwiseConv2D", **window(call, layer.kernel_size, layer.dilation_rate)}
    dims = (*call.dims_out()[:3], kernel.shape[0] * kernel.shape[3])
    weights = {"weights": first.constant("kernel", kernel)}
    op = Op(first.name, "depthwise-conv2d", Tensor(first.name, dims), {}, attrs)
    op.args.update({"input": list(call.sources), **weights})
    graph.add(op)
    second = dataclasses.replace(call, name=f"{call.name}_pointwise_conv", sources=[first.name])
    pointwise = np.asarray(layer.pointwise_kernel).transpose(3, 0, 1, 2)
    attrs = {"__keras": "Conv2D", "kernel": [1, 1], "stride": [1, 1], "dilation": [1, 1]}
    attrs |= {"pad": [0, 0, 0, 0], "pad_mode": "FLOOR"}
    return second.add("conv2d", attrs, dims=call.dims_out(), **_weights(second, pointwise))


def conv2d_transpose(call: LayerCall) -> str:
    """Conv2DTranspose -> transposed-conv2d."""
    layer = call.layer
    if tuple(layer.dilation_rate) != (1, 1):
        raise call.refuse("dilation_rate", "1", layer.dilation_rate)
    if getattr(layer, "output_padding", None) is not None:
        raise call.refuse("output_padding", "none", layer.output_padding)
    dims = call.dims_out()
    kernel, pads = np.asarray(layer.kernel), []
    for axis, stride in enumerate(layer.strides):
        size, out, taps = call.dims_in[1 + axis], dims[1 + axis], kernel.shape[axis]
        before = max(taps - stride, 0) // 2 if layer.padding == "same" else 0
        behind = (size - 1) * stride + taps - out - before
        if (
            behind < 0
        ):  # a kernel smaller than the stride leaves gaps: taps of zero fill the last one
            kernel = np.pad(kernel, [(0, -behind if i == axis else 0) for i in range(4)])
            behind = 0
        pads.append((before, behind))
    (kh, kw), (sh, sw) = kernel.shape[:2], layer.strides
    attrs = {
        "kernel": [kw, kh],
        "stride": [sw, sh],
        "dilation": [1, 1],
        "pad": [*pads[1], *pads[0]],
        "pad_mode": "FLOOR",
    }
    kernel = kernel[::-1, ::-1].transpose(2, 0, 1, 3)
    return call.add("transposed-conv2d", attrs, dims=dims, **_weights(call, kernel))


def dense(call: LayerCall) -> str:
    """Dense -> inner-product over the last axis."""
    weights = _weights(call, np.asarray(call.layer.kernel).T)
    return call.add("inner-product", {"axis": len(call.dims_in) - 1}, **weights)


def batch_normalization(call: LayerCall) -> str:
    """BatchNormalization -> batchnorm."""
    call.check_last_axis()
    layer, channels = call.layer, call.dims_in[-1]
    parts = {
        "gamma": np.asarray(layer.gamma) if layer.scale else np.ones(channels),
        "beta": np.asarray(layer.beta) if layer.center else np.zeros(channels),
        "moving_mean": np.asarray(layer.moving_mean),
        "moving_var": np.asarray(layer.moving_variance),
    }
    args: dict[str, Any] = {role: call.constant(role, values) for role, values in parts.items()}
    attrs = {"epsilon": float(layer.epsilon), "axis": len(call.dims_in) - 1}
    return call.add("batchnorm", attrs, **args)


def _weights(call: LayerCall, kernel: np.ndarray) -> dict[str, Any]:
    weights = {"weights": call.constant("kernel", kernel)}
    if call.layer.use_bias:
        weights["bias"] = call.constant("bias", np.asarray(call.layer.bias))
    return weights
