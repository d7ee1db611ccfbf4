"""hard-sigmoid-fix: the DPU's stand-in for sigmoid, clip(x + 3, 0, 6) * 2731 / 2**14, on codes."""

from __future__ import annotations

import numpy as np

from host.dpu.ops.call import Call
from host.dpu.ops.requantize import check_shift, to_codes

FACTOR, FACTOR_BITS = 2731, 14  # 2731 / 2**14 is the nearest to one sixth


def hard_sigmoid_fix(call: Call) -> np.ndarray:
    """Return clip(x + 3, 0, 6) * 2731 / 2**14 of int8 codes, rounded once.

    Args:
        call: `input` int8 (n, ...).

    Returns:
        int8, same shape.

    Source: vai_q_tensorflow2, layers/vitis_activation.py; its outputs confirm it.
    """
    fix_in = check_shift(call.tensor().fix_point, "fix_point", call.op.name)
    shift = check_shift(call.op.tensor.fix_point - FACTOR_BITS, "shift", call.op.name)
    real = np.ldexp(call.value().astype(np.float64), -fix_in)
    return call.shaped(to_codes(np.ldexp(np.clip(real + 3, 0, 6) * FACTOR, shift)))
