from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target.errors import ModelError
from target.vision.fixed_point import ROUND_MODES, dequantize, quantize

TIES = [2.5, -2.5, 1.5, -1.5, 0.5, -0.5]


def _exact(value: Fraction, mode: str) -> int:
    """Round by the definition, in integers."""
    if mode == "DPU_ROUND":
        return math.floor(value + Fraction(1, 2))
    if mode == "STD_ROUND":
        return int(math.copysign(math.floor(abs(value) + Fraction(1, 2)), value))
    return round(value)


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("DPU_ROUND", [3, -2, 2, -1, 1, 0]),
        ("STD_ROUND", [3, -3, 2, -2, 1, -1]),
        ("PY3_ROUND", [2, -2, 2, -2, 0, 0]),
    ],
)
def test_round_modes_on_ties(mode: str, expected: list[int], dtype: type) -> None:
    rounded = ROUND_MODES[mode](np.array(TIES, dtype))
    assert rounded.dtype == dtype
    np.testing.assert_array_equal(rounded, expected)
    np.testing.assert_array_equal(quantize(np.array(TIES, dtype), 0, mode), expected)


@pytest.mark.parametrize("mode", sorted(ROUND_MODES))
def test_quantize_saturates_both_ways(mode: str) -> None:
    real = np.float32([-1e30, -129, -128.4, -128, 127, 127.4, 128, 1e30])
    codes = quantize(real, 0, mode)
    assert codes.dtype == np.int8
    np.testing.assert_array_equal(codes, [-128, -128, -128, -128, 127, 127, 127, 127])


@pytest.mark.parametrize(
    ("real", "fix_point", "code"),
    [
        (0.5, 6, 32),
        (127 / 128, 7, 127),
        (1.0, 7, 127),  # 128 does not fit
        (-1.0, 7, -128),
        (255.0, -1, 127),  # 127.5 rounds to 128 and saturates
        (253.0, -1, 127),  # 126.5
        (-6.0, -2, -1),  # -1.5
        (2.0**-51, 51, 1),
        (3 * 2.0**-8, 7, 2),  # 1.5
        (-3 * 2.0**-8, 7, -1),  # -1.5
    ],
)
def test_quantize_by_hand(real: float, fix_point: int, code: int) -> None:
    assert quantize(np.float32([real]), fix_point)[0] == code


def test_quantize_refuses_an_unknown_round_mode() -> None:
    message = r"round_mode must be one of \['DPU_ROUND', 'PY3_ROUND', 'STD_ROUND'\], got 'CEIL'"
    with pytest.raises(ModelError, match=message):
        quantize(np.zeros(1), 0, "CEIL")


@pytest.mark.parametrize("fix_point", [-20, -3, 0, 6, 51])
def test_every_code_survives_the_way_there_and_back(fix_point: int) -> None:
    codes = np.arange(-128, 128).astype(np.int8)
    real = dequantize(codes, fix_point)
    assert real.dtype == np.float32
    assert real[0] == -128 * 2.0**-fix_point
    for mode in ROUND_MODES:
        np.testing.assert_array_equal(quantize(real, fix_point, mode), codes)


def test_shapes_are_kept() -> None:
    real = np.zeros((2, 3, 4), np.float32)
    assert quantize(real, 3).shape == dequantize(quantize(real, 3), 3).shape == (2, 3, 4)


@settings(max_examples=200, deadline=None)
@given(st.integers(-(2**16), 2**16), st.integers(0, 12), st.integers(-8, 8), st.sampled_from(TIES))
def test_quantize_is_exact(numerator: int, bits: int, fix_point: int, tie: float) -> None:
    for real in (numerator / 2**bits, tie * 2.0**-fix_point):
        for mode in ROUND_MODES:
            exact = _exact(Fraction(real) * Fraction(2) ** fix_point, mode)
            got = quantize(np.array([real]), fix_point, mode)[0]
            assert got == min(max(exact, -128), 127), mode
