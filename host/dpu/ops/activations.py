"""Float activations of one line each: relu, relu6, leaky-relu, sigmoid, hard-sigmoid."""

from __future__ import annotations

import numpy as np

from host.dpu.ops.call import Call


def relu(call: Call) -> np.ndarray:
    """Return max(x, 0), float32, same shape."""
    return call.shaped(np.maximum(call.value(), np.float32(0)))


def relu6(call: Call) -> np.ndarray:
    """Return clip(x, 0, 6), float32, same shape."""
    return call.shaped(np.clip(call.value(), np.float32(0), np.float32(6)))


def leaky_relu(call: Call) -> np.ndarray:
    """Return x, or `alpha` times x where x is negative, float32, same shape."""
    x = call.value()
    return call.shaped(np.where(x < 0, x * np.float32(call.attr("alpha")), x))


def sigmoid(call: Call) -> np.ndarray:
    """Return 1 / (1 + exp(-x)), float32, same shape."""
    with np.errstate(over="ignore"):  # exp of a large number is inf, and 1 / inf is right
        return call.shaped(np.float32(1) / (np.float32(1) + np.exp(-call.value())))


def hard_sigmoid(call: Call) -> np.ndarray:
    """Return clip(x + 3, 0, 6) * 2731 / 16384, float32, same shape: the DPU's stand-in for sigmoid."""
    clipped = np.clip(call.value() + np.float32(3), np.float32(0), np.float32(6))
    return call.shaped(clipped * np.float32(2731 / 16384))
