"""depthwise-conv2d-fix and transposed-depthwise-conv2d-fix: each channel has kernels of its own.

A batch norm that could not be folded is a 1x1 one.
"""

from __future__ import annotations

import numpy as np

from host.dpu.ops.call import Call
from host.dpu.ops.convolution import Plan, finish, plan
from host.dpu.ops.depthwise_conv2d import kernels_of, sum_taps
from host.dpu.ops.windows import padded, spread, window_of


def depthwise_conv2d_fix(call: Call) -> np.ndarray:
    """Convolve each channel with its own kernels.

    Args:
        call: `input` int8 (n, h, w, c), `weights` int8 (m, kh, kw, c), `bias` int8 (c * m,) or none.

    Returns:
        int8 (n, oh, ow, c * m); output channel k * m + q is channel k with its kernel q.

    Raises:
        ModelError: If shapes disagree or the kernel does not fit.
    """
    window = window_of(call)
    planned: Plan = call.once("plan", lambda: plan(call, kernels_of(call)))
    x = padded(call.value().astype(planned.dtype), window, 0)
    return call.shaped(finish(sum_taps(x, window, planned.weights), planned))


def transposed_depthwise_conv2d_fix(call: Call) -> np.ndarray:
    """Convolve each channel of the input with gaps between its pixels; see spread."""
    planned: Plan = call.once("plan", lambda: plan(call, kernels_of(call)))
    x, window = spread(call, call.value().astype(planned.dtype))
    return call.shaped(finish(sum_taps(x, window, planned.weights), planned))
