"""fix2float: codes to real values."""

from __future__ import annotations

import numpy as np

from host.dpu.ops.call import Call
from target.vision.fixed_point import dequantize


def fix2float(call: Call) -> np.ndarray:
    """Return codes / 2**fix_point.

    Args:
        call: `input` int8 (n, ...); attribute `fix_point`.

    Returns:
        float32, same shape.
    """
    return call.shaped(dequantize(call.value(), call.fix_point()))
