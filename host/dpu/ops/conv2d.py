"""conv2d and transposed-conv2d in float32."""

from __future__ import annotations

import numpy as np

from host.dpu.ops.call import Call
from host.dpu.ops.windows import (
    Window,
    columns,
    padded,
    split_groups,
    spread,
    window_of,
)
from target.errors import ModelError


def conv2d(call: Call) -> np.ndarray:
    """Convolve in float32.

    Args:
        call: `input` (n, h, w, ic), `weights` (oc, kh, kw, ic / group), `bias` (oc,) or none; all
            float32. Attribute `group`.

    Returns:
        float32 (n, oh, ow, oc).
    """
    window = window_of(call)
    return _convolve(call, padded(call.real(), window, 0), window)


def transposed_conv2d(call: Call) -> np.ndarray:
    """Convolve the input with gaps between its pixels; see spread. Weights are not flipped."""
    return _convolve(call, *spread(call, call.real()))


def _convolve(call: Call, x: np.ndarray, window: Window) -> np.ndarray:
    weights, group = call.value("weights"), call.integer("group", 1)
    if weights.ndim != 4 or weights.shape[1:3] != window.kernel:
        raise ModelError(
            f"weights of op '{call.op.name}' must be {['oc', *window.kernel, 'ic']},"
            f" got {list(weights.shape)}"
        )
    parts = [
        columns(part, window) @ kernel.reshape(len(kernel), -1).T
        for part, kernel in split_groups(call, x, weights, group)
    ]
    sums = np.concatenate(parts, axis=-1) if group > 1 else parts[0]
    if call.has("bias"):
        sums += call.vector("bias", sums.shape[-1])
    return call.shaped(sums.reshape(len(x), *window.out, -1))
