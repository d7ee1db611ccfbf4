"""Choosing the binary point of a tensor: non-overflow and minimum squared error, in float32 as AMD's.

Source: vai_q_tensorflow2, vitis_quantize_ops.py. Its compiled graph multiplies by the reciprocals of
constants, 1/127, 1/ln(2) and so on, instead of dividing, in float32, and so do we: exact powers of two
2**-k then miss by one for k = 13, 15, 26, 27, 30, 31, 49, 52.
"""

from __future__ import annotations

import numpy as np

from target.vision.fixed_point import INT8_MAX, INT8_MIN, ROUND_MODES

CANDIDATES = 5
_F = np.float32
_RATIO = _F(-254 / 256)
_SMALLEST = _F(2.0**-52)
_ONE_OVER_RATIO, _ONE_OVER_MAX = _F(1) / _RATIO, _F(1) / _F(INT8_MAX)
_ONE_OVER_LN2 = _F(1) / _F(np.log(2.0))


def non_overflow(values: np.ndarray) -> int:
    """Return the largest position at which nothing overflows.

    Args:
        values: float32, any shape, not empty.

    Returns:
        floor(-log2(max(-lo / 128, hi / 127))); 51 for all zeros. May be negative.
    """
    low, high = _F(values.min()), _F(values.max())
    float_min = min(low, _F(high * _ONE_OVER_RATIO))
    float_max = max(high, _F(low * _RATIO))
    step = max(_F(float_min / _F(INT8_MIN)), _F(float_max * _ONE_OVER_MAX), _SMALLEST)
    logarithm = _F(np.log(np.float64(step)))
    return int(np.floor(_F(-logarithm) * _ONE_OVER_LN2))


def min_mse(values: np.ndarray, round_mode: str) -> int:
    """Return the position with the smallest squared error.

    Args:
        values: float32, any shape, not empty.
        round_mode: A key of ROUND_MODES, the rounding of this tensor.

    Returns:
        One of the non-overflow position and the four above it; the first of equals.
    """
    first = non_overflow(values)
    errors = [_squared_error(values, first + i, round_mode) for i in range(CANDIDATES)]
    return first + int(np.argmin(errors))


def _squared_error(values: np.ndarray, position: int, round_mode: str) -> float:
    scaled = np.ldexp(values, position)
    codes = ROUND_MODES[round_mode](scaled)
    np.clip(codes, INT8_MIN, INT8_MAX, out=codes)
    codes -= scaled
    flat = codes.reshape(-1)
    return float(np.ldexp(np.float64(np.dot(flat, flat)), -2 * position))
