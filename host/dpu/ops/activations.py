"""Float activations of a line or two each, as Keras and XIR define them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from host.dpu.ops.arithmetic import check_broadcast
from host.dpu.ops.call import Call

_SELU_SCALE, _SELU_ALPHA = np.float32(1.05070098), np.float32(1.67326324)
_erf = np.vectorize(math.erf, otypes=[np.float32])
Activation = Callable[[Call], np.ndarray]


def _unary(function: Callable[[np.ndarray], np.ndarray], what: str) -> Activation:
    def apply(call: Call) -> np.ndarray:
        with np.errstate(over="ignore"):  # exp of a large number is inf, and that is right here
            return call.shaped(np.asarray(function(call.real()), dtype=np.float32))

    apply.__doc__ = f"Return {what}, float32, same shape."
    return apply


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.float32(1) / (np.float32(1) + np.exp(-x)))


def _elu(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


relu = _unary(lambda x: np.maximum(x, np.float32(0)), "max(x, 0)")
relu6 = _unary(lambda x: np.clip(x, np.float32(0), np.float32(6)), "clip(x, 0, 6)")
sigmoid = _unary(_sigmoid, "1 / (1 + exp(-x))")
swish = _unary(lambda x: x * _sigmoid(x), "x / (1 + exp(-x))")
tanh = _unary(np.tanh, "tanh(x)")
elu = _unary(_elu, "x where positive, exp(x) - 1 elsewhere")
selu = _unary(
    lambda x: _SELU_SCALE * np.where(x > 0, x, _SELU_ALPHA * np.expm1(np.minimum(x, 0))),
    "the scaled exponential linear unit of x",
)
gelu = _unary(
    lambda x: x * (1 + _erf(x / math.sqrt(2))) / 2, "x times the normal distribution of x"
)
softplus = _unary(lambda x: np.logaddexp(x, np.float32(0)), "log(1 + exp(x))")
softsign = _unary(lambda x: x / (1 + np.abs(x)), "x / (1 + |x|)")
exp = _unary(np.exp, "exp(x)")
neg = _unary(np.negative, "-x")
hard_tanh = _unary(lambda x: np.clip(x, -1, 1), "clip(x, -1, 1)")
hard_swish = _unary(lambda x: x * np.clip(x + 3, 0, 6) / 6, "x * clip(x + 3, 0, 6) / 6")


def leaky_relu(call: Call) -> np.ndarray:
    """Return x, or `alpha` times x where x is negative, float32, same shape."""
    x = call.real()
    return call.shaped(np.where(x < 0, x * np.float32(call.attr("alpha")), x))


def prelu(call: Call) -> np.ndarray:
    """Return x, or `weight` times x where x is negative; `weight` is a scalar or one a channel."""
    x, weight = call.real(), call.value("weight")
    check_broadcast(call, [x, weight])
    return call.shaped(np.where(x < 0, x * weight, x))


def hard_sigmoid(call: Call) -> np.ndarray:
    """Return a straight line cut off at 0 and 1, float32, same shape.

    clip(x + 3, 0, 6) / 6; with the attribute `dpu_factor` = [N, M] times N / 2**M instead, the
    DPU's stand-in; with `slope` and `offset` clip(slope * x + offset, 0, 1), as Keras 2 had it.
    """
    x = call.real()
    if "slope" in call.op.attrs:
        slope, offset = np.float32(call.attr("slope")), np.float32(call.attr("offset"))
        return call.shaped(np.clip(slope * x + offset, np.float32(0), np.float32(1)))
    clipped = np.clip(x + np.float32(3), np.float32(0), np.float32(6))
    count, bits = call.integers("dpu_factor", [0, 0])
    return call.shaped(clipped * np.float32(count / 2.0**bits if count else 1 / 6))
