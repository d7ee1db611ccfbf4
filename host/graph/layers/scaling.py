"""Rescaling, Normalization, InceptionResNetV2's scaled sum: a factor and an offset as a batch norm."""

from __future__ import annotations

import dataclasses

import numpy as np

from host.graph.layers.base import LayerCall

_LEAST_DEVIATION = 1e-7  # Keras divides by no less


def rescaling(call: LayerCall) -> str:
    """Rescaling -> batchnorm."""
    return _scale(call, np.asarray(call.layer.scale), np.asarray(call.layer.offset), np.zeros(1))


def normalization(call: LayerCall) -> str:
    """Normalization over the last axis -> batchnorm."""
    layer = call.layer
    call.check_last_axis()
    if layer.invert:
        raise call.refuse("invert", "false", True)
    mean, variance = (np.asarray(part).reshape(-1) for part in (layer.mean, layer.variance))
    return _scale(call, 1 / np.maximum(np.sqrt(variance), _LEAST_DEVIATION), np.zeros(1), mean)


def scaled_sum(call: LayerCall) -> str:
    """CustomScaleLayer: a + scale * b -> batchnorm on b, add."""
    first, second = call.sources
    scaled = dataclasses.replace(call, name=f"{call.name}_scale", sources=[second])
    name = _scale(scaled, np.asarray(call.layer.scale), np.zeros(1), np.zeros(1))
    dims = call.graph.op(first).tensor.dims
    return dataclasses.replace(call, sources=[first, name]).add("add", dims=dims)


def _scale(call: LayerCall, factor: np.ndarray, offset: np.ndarray, mean: np.ndarray) -> str:
    channels = call.dims_in[-1]
    parts = {
        "gamma": factor,
        "beta": offset,
        "moving_mean": mean,
        "moving_var": np.ones(1),
    }
    args = {role: call.constant(role, np.broadcast_to(v, channels)) for role, v in parts.items()}
    attrs = {"epsilon": 0.0, "axis": len(call.dims_in) - 1}
    return call.add("batchnorm", attrs, dims=call.dims_in, **args)
