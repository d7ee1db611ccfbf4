"""From exact sums back to int8 codes: one rounding, saturation.

All arithmetic is on integers times powers of two, held in floats that are wide enough: float32
while every intermediate fits 24 bits, else float64 (53 bits). Beyond that the graph is refused.
Source: the DPU's integer arithmetic, as AMD's cpu_task computes it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from host.dpu.ops.call import Call
from target.errors import ModelError
from target.vision.fixed_point import INT8_MAX, INT8_MIN

MAX_SHIFT = 60


def check_shift(bits: int, what: str, name: str) -> int:
    """Return `bits` if a shift by it is one that integers of 64 bits allow.

    Raises:
        ModelError: If it is absurd.
    """
    if abs(bits) > MAX_SHIFT:
        raise ModelError(f"{what} of op '{name}' must be within +-{MAX_SHIFT} bits, got {bits}")
    return bits


def wide_enough(largest: float, finest_bits: int, name: str) -> Any:
    """Return the float type that holds sums exactly.

    Args:
        largest: Bound on the magnitude of any intermediate, in output codes.
        finest_bits: The finest unit is 2**-finest_bits output codes.
        name: Of the op, for the message.

    Returns:
        np.float32 or np.float64.

    Raises:
        ModelError: If 53 bits are not enough.
    """
    span = (largest + 1.0) * 2.0 ** max(finest_bits, 0)
    if span < 2.0**24:
        return np.float32
    if span < 2.0**53:
        return np.float64
    raise ModelError(f"sums of op '{name}' must fit 53 bits, got {span:.3g} units")


def to_codes(y: np.ndarray) -> np.ndarray:
    """Round half up and saturate to int8, reusing y's memory."""
    y += y.dtype.type(0.5)
    np.floor(y, out=y)
    np.clip(y, INT8_MIN, INT8_MAX, out=y)
    return y.astype(np.int8)


def rescaled(call: Call, codes: np.ndarray) -> np.ndarray:
    """Bring codes from the fix point of the op's input to that of its output, rounded once."""
    shift = call.op.tensor.fix_point - call.tensor().fix_point
    if shift == 0:
        return codes
    check_shift(shift, "shift", call.op.name)
    return to_codes(np.ldexp(codes.astype(np.float64), shift))
