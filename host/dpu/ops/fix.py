"""fix: quantize and dequantize, what stands behind every quantized tensor of a graph not yet compiled."""

from __future__ import annotations

import numpy as np

from host.dpu.ops.call import Call
from target.vision.fixed_point import dequantize, quantize


def fix(call: Call) -> np.ndarray:
    """Return the nearest value that int8 at `fix_point` can hold.

    Args:
        call: `input` float32; attributes `fix_point` and `round_mode`.

    Returns:
        float32, same shape.
    """
    fix_point = call.fix_point()
    mode = str(call.attr("round_mode", "DPU_ROUND"))
    values = dequantize(quantize(call.value(), fix_point, mode), fix_point)
    return call.shaped(values) if values.ndim else values
