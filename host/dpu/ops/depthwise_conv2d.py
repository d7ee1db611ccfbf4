"""depthwise-conv2d and transposed-depthwise-conv2d in float32, and what their kin on codes share."""

from __future__ import annotations

import numpy as np

from host.dpu.ops.call import Call
from host.dpu.ops.windows import Window, padded, pair, spread, taps, window_of
from target.errors import ModelError


def depthwise_conv2d(call: Call) -> np.ndarray:
    """Convolve each channel with its own kernels in float32.

    Args:
        call: `input` (n, h, w, c), `weights` (m, kh, kw, c), `bias` (c * m,) or none; all float32.

    Returns:
        float32 (n, oh, ow, c * m); output channel k * m + q is channel k with its kernel q.
    """
    window = window_of(call)
    return _finish(call, sum_taps(padded(call.real(), window, 0), window, kernels_of(call)))


def transposed_depthwise_conv2d(call: Call) -> np.ndarray:
    """Convolve each channel of the input with gaps between its pixels; see spread."""
    x, window = spread(call, call.real())
    return _finish(call, sum_taps(x, window, kernels_of(call)))


def _finish(call: Call, sums: np.ndarray) -> np.ndarray:
    bias = call.vector("bias", sums.shape[-1]) if call.has("bias") else np.float32(0)
    return call.shaped(sums + bias)


def kernels_of(call: Call) -> np.ndarray:
    """Return the weights (m, kh, kw, c) as (kh * kw, c * m), in the order of output channels.

    Raises:
        ModelError: If they do not fit the kernel and the input.
    """
    weights = call.value("weights")
    kw, kh = pair(call, "kernel", None)
    shape = call.value().shape
    channels = shape[-1] if shape else 0
    if weights.ndim != 4 or weights.shape[1:] != (kh, kw, channels):
        raise ModelError(
            f"weights of op '{call.op.name}' must be {['m', kh, kw, channels]},"
            f" got {list(weights.shape)}"
        )
    if len(weights) * channels != call.op.tensor.dims[-1]:  # before anything is repeated
        raise ModelError(
            f"tensor of op '{call.op.name}' must have {len(weights) * channels} channels by its"
            f" weights, got dims {list(call.op.tensor.dims)}"
        )
    return np.ascontiguousarray(weights.transpose(1, 2, 3, 0).reshape(kh * kw, -1))


def sum_taps(x: np.ndarray, window: Window, kernels: np.ndarray) -> np.ndarray:
    """Return the sums (n, oh, ow, c * m) of a padded map (n, h, w, c) and kernels (taps, c * m)."""
    multiplier = kernels.shape[-1] // max(x.shape[-1], 1)
    if multiplier != 1:
        x = np.repeat(x, multiplier, axis=-1)
    sums = np.zeros((len(x), *window.out, x.shape[-1]), dtype=x.dtype)
    for tap, row in zip(taps(x, window), kernels):
        sums += tap * row
    return sums
