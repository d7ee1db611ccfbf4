"""From exact sums back to int8 codes: bias, nonlinearity, one rounding, saturation.

All arithmetic is on integers times powers of two, held in floats that are wide enough: float32
while every intermediate fits 24 bits, else float64 (53 bits). Beyond that the graph is refused.
Source: the DPU's integer arithmetic, as AMD's cpu_task computes it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from target.errors import ModelError
from target.vision.fixed_point import INT8_MAX, INT8_MIN

LEAKY_SLOPE = 26 / 256  # what the DPU uses for LeakyReLU 0.1
NONLINEARITIES = ("NONE", "RELU", "RELU6", "LEAKYRELU")
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


def activate(y: np.ndarray, nonlinear: str, fix_point: int, name: str) -> np.ndarray:
    """Apply a nonlinearity in place, before rounding.

    Args:
        y: float (any shape), in units of the output code.
        nonlinear: One of NONLINEARITIES.
        fix_point: Of the output.
        name: Of the op, for the message.

    Returns:
        The array itself.

    Raises:
        ModelError: If the nonlinearity is not one of these.
    """
    if nonlinear == "RELU":
        np.maximum(y, 0, out=y)
    elif nonlinear == "RELU6":
        np.clip(y, 0, 6.0 * 2.0 ** min(fix_point, MAX_SHIFT), out=y)  # beyond int8 anyway
    elif nonlinear == "LEAKYRELU":
        np.multiply(y, LEAKY_SLOPE, out=y, where=y < 0)
    elif nonlinear != "NONE":
        raise ModelError(
            f"nonlinear of op '{name}' must be one of {list(NONLINEARITIES)}, got '{nonlinear}'"
        )
    return y


def to_codes(y: np.ndarray) -> np.ndarray:
    """Round half up and saturate to int8, reusing y's memory."""
    y += y.dtype.type(0.5)
    np.floor(y, out=y)
    np.clip(y, INT8_MIN, INT8_MAX, out=y)
    return y.astype(np.int8)
