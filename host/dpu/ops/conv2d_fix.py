"""conv2d-fix and transposed-conv2d-fix: convolution of int8 codes.

A dense layer is a convolution whose kernel is the whole map.
"""

from __future__ import annotations

import math

import numpy as np

from host.dpu.ops.call import Call
from host.dpu.ops.convolution import Plan, finish, plan
from host.dpu.ops.windows import Window, columns, padded, pair, split_groups, spread, window_of
from target.errors import ModelError


def conv2d_fix(call: Call) -> np.ndarray:
    """Convolve int8 by int8, add the bias, shift back to int8 as the DPU does.

    Args:
        call: `input` int8 (n, h, w, ic), `weights` int8 (oc, kh, kw, ic / group), `bias` int8 (oc,)
            or none. Attribute `group`.

    Returns:
        int8 (n, oh, ow, oc).

    Raises:
        ModelError: If shapes disagree or the kernel does not fit.
    """
    x, window = call.value(), window_of(call)
    planned: Plan = call.once("plan", lambda: plan(call, _matrix(call)))
    return _convolve(call, padded(x.astype(planned.dtype), window, 0), window, planned)


def transposed_conv2d_fix(call: Call) -> np.ndarray:
    """Convolve the input with gaps between its pixels; see spread. Weights are not flipped."""
    planned: Plan = call.once("plan", lambda: plan(call, _matrix(call)))
    return _convolve(call, *spread(call, call.value().astype(planned.dtype)), planned)


def _convolve(call: Call, x: np.ndarray, window: Window, planned: Plan) -> np.ndarray:
    group = call.integer("group", 1)
    if group == 1:
        sums = columns(x, window) @ planned.weights
    else:
        weights = planned.weights.T.reshape(call.value("weights").shape)
        sums = np.concatenate(
            [
                columns(part, window) @ kernel.reshape(len(kernel), -1).T
                for part, kernel in split_groups(call, x, weights, group)
            ],
            axis=-1,
        )
    return call.shaped(finish(sums, planned).reshape(len(x), *window.out, -1))


def _matrix(call: Call) -> np.ndarray:
    """Return the weight codes as (kh * kw * ic, oc)."""
    weights, group = call.value("weights"), call.integer("group", 1)
    kw, kh = pair(call, "kernel", None)
    channels = math.prod(call.value().shape[-1:])
    expected = (*call.op.tensor.dims[-1:], kh, kw, channels // max(group, 1))
    if weights.shape != expected or group < 1:
        raise ModelError(
            f"weights of op '{call.op.name}' must be {list(expected)} with {group} groups,"
            f" got {list(weights.shape)}"
        )
    return weights.reshape(len(weights), -1).T
