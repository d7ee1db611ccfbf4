"""conv2d-fix: convolution of int8 codes; a dense layer is one whose kernel is the whole map."""

from __future__ import annotations

import numpy as np

from host.dpu.ops.call import Call
from host.dpu.ops.convolution import Plan, finish, plan
from host.dpu.ops.windows import columns, padded, window_of
from target.errors import ModelError


def conv2d_fix(call: Call) -> np.ndarray:
    """Convolve int8 by int8, add the bias, shift back to int8 as the DPU does.

    Args:
        call: `input` int8 (n, h, w, ic), `weights` int8 (oc, kh, kw, ic), `bias` int8 (oc,) or
            none.

    Returns:
        int8 (n, oh, ow, oc).

    Raises:
        ModelError: If shapes disagree or the kernel does not fit.
    """
    x = call.value()
    window = window_of(call)
    planned: Plan = call.once("plan", lambda: plan(call, _matrix(call)))
    rows = columns(padded(x.astype(planned.dtype), window, 0), window)
    sums = rows @ planned.weights
    return call.shaped(finish(call, sums, planned).reshape(len(x), *window.out, -1))


def _matrix(call: Call) -> np.ndarray:
    """Return the weight codes as (kh * kw * ic, oc)."""
    weights = call.value("weights")
    kw, kh = call.integers("kernel")
    expected = (*call.op.tensor.dims[-1:], kh, kw, call.value().shape[-1])
    if weights.shape != expected or call.integer("group", 1) != 1:
        raise ModelError(
            f"weights of op '{call.op.name}' must be {list(expected)} with group 1,"
            f" got {list(weights.shape)} with group {call.attr('group', 1)}"
        )
    return weights.reshape(len(weights), -1).T
