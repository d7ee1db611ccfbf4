"""float2fix: real values to codes."""

from __future__ import annotations

import numpy as np

from host.dpu.ops.call import Call
from target.vision.fixed_point import quantize


def float2fix(call: Call) -> np.ndarray:
    """Return clip(round(x * 2**fix_point), -128, 127).

    Args:
        call: `input` float32 (n, ...); attributes `fix_point` and `round_mode`.

    Returns:
        int8, same shape.
    """
    mode = str(call.attr("round_mode", "DPU_ROUND"))
    return call.shaped(quantize(call.value(), call.fix_point(), mode))
