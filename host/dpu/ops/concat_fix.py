"""concat-fix: tensors side by side along one axis."""

from __future__ import annotations

import numpy as np

from host.dpu.ops.call import Call
from host.dpu.ops.concat import check_axis
from host.dpu.ops.requantize import check_shift, to_codes


def concat_fix(call: Call) -> np.ndarray:
    """Concatenate int8 codes, each brought to the output's fix point.

    Args:
        call: `input`: int8 tensors that agree in all axes but `axis`.

    Returns:
        int8.

    Raises:
        ModelError: If shapes disagree.
    """
    fix_out = call.op.tensor.fix_point
    axis = check_axis(call)
    parts = []
    for value, tensor in zip(call.values["input"], call.tensors["input"]):
        shift = check_shift(fix_out - tensor.fix_point, "shift", call.op.name)
        moved = value if shift == 0 else to_codes(np.ldexp(value.astype(np.float64), shift))
        parts.append(moved)
    return call.shaped(np.concatenate(parts, axis=axis))
