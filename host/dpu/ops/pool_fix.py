"""pool-fix: maximum or average over windows."""

from __future__ import annotations

import numpy as np

from host.dpu.ops.average import average_factor
from host.dpu.ops.call import Call
from host.dpu.ops.nonlinear import nonlinear_of
from host.dpu.ops.requantize import check_shift
from host.dpu.ops.windows import Window, padded, taps, window_of
from target.errors import ModelError
from target.vision.fixed_point import INT8_MIN


def pool_fix(call: Call) -> np.ndarray:
    """Pool int8 codes; padding never wins a maximum and counts as zero in an average.

    Args:
        call: `input` int8 (n, h, w, c); attribute `type` MAX or AVG.

    Returns:
        int8 (n, oh, ow, c), rounded once where input and output fix points differ.

    Raises:
        ModelError: If the type is another one or the kernel does not fit.
    """
    kind = str(call.attr("type"))
    window = window_of(call)
    nonlinear = nonlinear_of(call)
    shift = check_shift(nonlinear.sum_fix - call.tensor().fix_point, "shift", call.op.name)
    if kind == "MAX":
        highest = _maximum(call.value(), window)
        if shift == 0 and nonlinear.kind == "NONE":
            return call.shaped(highest)
        y = np.ldexp(highest.astype(np.float64), shift)
    elif kind == "AVG":
        count, bits = average_factor(*window.kernel)
        y = np.ldexp(_sum(call.value(), window) * float(count), shift - bits)
    else:
        raise ModelError(f"type of op '{call.op.name}' must be MAX or AVG, got '{kind}'")
    return call.shaped(nonlinear.apply(y))


def _maximum(x: np.ndarray, window: Window) -> np.ndarray:
    views = taps(padded(x, window, INT8_MIN), window)
    highest = views[0].copy()
    for tap in views[1:]:
        np.maximum(highest, tap, out=highest)
    return highest


def _sum(x: np.ndarray, window: Window) -> np.ndarray:
    wide = padded(x.astype(np.float64), window, 0)
    if window.kernel == wide.shape[1:3]:
        return np.asarray(wide.sum(axis=(1, 2), keepdims=True))
    views = taps(wide, window)
    total = views[0].copy()
    for tap in views[1:]:
        total += tap
    return total
