"""Power-of-two fixed point: real value = code / 2**fix_point, codes int8 in [-128, 127].

The same few functions serve the application, the quantizer and the emulator. numpy only.
Source: AMD's xir rounding modes and vai_q_tensorflow2 (strategy pof2s).

    mode         2.5  -2.5  1.5  -1.5  0.5  -0.5   used for
    DPU_ROUND     3    -2    2    -1    1     0    activations: floor(x + 0.5)
    STD_ROUND     3    -3    2    -2    1    -1    half away from zero (older constants)
    PY3_ROUND     2    -2    2    -2    0     0    half to even: weights and biases
"""

from __future__ import annotations

import numpy as np

from target.errors import ModelError

INT8_MIN = -128
INT8_MAX = 127


def dpu_round(x: np.ndarray) -> np.ndarray:
    """Round half up, floor(x + 0.5), as the DPU and AMD's activation quantizers do."""
    return np.asarray(np.floor(x + np.asarray(0.5, dtype=x.dtype)))


def std_round(x: np.ndarray) -> np.ndarray:
    """Round half away from zero."""
    return np.asarray(np.copysign(np.floor(np.abs(x) + np.asarray(0.5, dtype=x.dtype)), x))


def py3_round(x: np.ndarray) -> np.ndarray:
    """Round half to even, as Python 3 and numpy do."""
    return np.asarray(np.rint(x))


ROUND_MODES = {"DPU_ROUND": dpu_round, "STD_ROUND": std_round, "PY3_ROUND": py3_round}


def quantize(real: np.ndarray, fix_point: int, round_mode: str = "DPU_ROUND") -> np.ndarray:
    """Quantize real values to int8 codes, saturating.

    Args:
        real: float32 or float64, any shape.
        fix_point: Bits after the binary point; may be negative.
        round_mode: A key of ROUND_MODES.

    Returns:
        int8, same shape: clip(round(real * 2**fix_point), -128, 127).

    Raises:
        ModelError: If the round mode is unknown.
    """
    if round_mode not in ROUND_MODES:
        raise ModelError(f"round_mode must be one of {sorted(ROUND_MODES)}, got {round_mode!r}")
    scaled = np.ldexp(real, fix_point)
    codes: np.ndarray = np.clip(ROUND_MODES[round_mode](scaled), INT8_MIN, INT8_MAX)
    return codes.astype(np.int8)


def dequantize(codes: np.ndarray, fix_point: int) -> np.ndarray:
    """Return codes / 2**fix_point as float32 of the same shape (exact)."""
    return np.asarray(np.ldexp(codes.astype(np.float32), -fix_point))
