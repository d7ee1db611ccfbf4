"""depthwise-conv2d-fix: one kernel a channel; a batch norm that could not be folded is a 1x1 one."""

from __future__ import annotations

import numpy as np

from host.dpu.ops.call import Call
from host.dpu.ops.convolution import Plan, finish, plan
from host.dpu.ops.windows import padded, taps, window_of
from target.errors import ModelError


def depthwise_conv2d_fix(call: Call) -> np.ndarray:
    """Convolve each channel with its own kernel.

    Args:
        call: `input` int8 (n, h, w, c), `weights` int8 (1, kh, kw, c), `bias` int8 (c,) or none.

    Returns:
        int8 (n, oh, ow, c).

    Raises:
        ModelError: If shapes disagree or the kernel does not fit.
    """
    window = window_of(call)
    planned: Plan = call.once("plan", lambda: plan(call, _kernels(call)))
    x = padded(call.value().astype(planned.dtype), window, 0)
    sums = np.zeros((len(x), *window.out, x.shape[-1]), dtype=planned.dtype)
    for tap, weights in zip(taps(x, window), planned.weights):
        sums += tap * weights
    return call.shaped(finish(call, sums, planned))


def _kernels(call: Call) -> np.ndarray:
    """Return the weight codes as (kh * kw, c)."""
    weights = call.value("weights")
    kw, kh = call.integers("kernel")
    expected = (1, kh, kw, call.value().shape[-1])
    if weights.shape != expected:
        raise ModelError(
            f"weights of op '{call.op.name}' must be {list(expected)}, got {list(weights.shape)}"
        )
    return weights.reshape(kh * kw, -1)
