"""Binary points by hand, and the float32 logarithm's edge cases as AMD's tool has them."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.quantizer.positions import CANDIDATES, min_mse, non_overflow
from host.quiet import import_keras
from target.vision.fixed_point import ROUND_MODES, dequantize, quantize

# Steps 2**-k whose float32 logarithm falls just short of k.
SHORT = (13, 15, 26, 27, 30, 31, 49, 52)


def _values(*values: float) -> np.ndarray:
    return np.float32(values)


@pytest.mark.parametrize(
    ("values", "position"),
    [
        ([0, 1], 6),  # step 1 / 127
        ([0, 255], -2),
        ([0, 127 / 128], 7),
        ([-1, 0], 7),  # step 1 / 128
        ([-1, 1], 6),
        ([-128, 0], 0),
        ([-128, 127], 0),
        ([-129, 0], -1),
        ([0, 127], 0),
        ([0, 127.1], -1),
        ([0, 0, 0], 51),  # not 52: one of the short ones
        ([1e-30], 51),
        ([-(2.0**-60)], 51),
        ([-(2.0**-45)], 51),  # step 2**-52
        ([5.0], 4),  # 5 / 127 = 0.0394
        ([-(2.0**40)], -33),
        ([127.0 * 2.0**20], -20),
    ],
    ids=str,
)
def test_non_overflow_by_hand(values: list[float], position: int) -> None:
    assert non_overflow(_values(*values)) == position


@pytest.mark.parametrize("bits", range(-20, 53))
def test_non_overflow_of_exact_powers_of_two(bits: int) -> None:
    expected = bits - 1 if bits in SHORT else bits
    assert non_overflow(_values(-128 * 2.0**-bits)) == expected  # step exactly 2**-bits
    if bits < 52:
        assert non_overflow(_values(127 * 2.0**-bits)) == expected


@settings(max_examples=200, deadline=None)
@given(st.floats(2.0**-40, 2.0**40, width=32), st.booleans())
def test_non_overflow_is_the_largest_that_does_not_overflow(size: float, negative: bool) -> None:
    values = _values(-size if negative else size)
    position = non_overflow(values)
    step = Fraction(size) / (128 if negative else 127)
    exact = math.floor(-math.log2(step))
    near = abs(math.log2(step) - round(math.log2(step))) < 1e-5
    assert position == exact or (near and abs(position - exact) == 1)
    if not near:
        codes = quantize(values, position)
        assert (codes[0] < 0) == negative or codes[0] == 0
        assert abs(float(dequantize(codes, position)[0]) - values[0]) <= 0.5 * 2.0**-position


@pytest.mark.parametrize("mode", sorted(ROUND_MODES))
@pytest.mark.parametrize("seed", range(4))
def test_min_mse_is_the_first_best_of_five(seed: int, mode: str) -> None:
    generator = np.random.default_rng(seed)
    values = (generator.normal(size=200) ** 3 * 10.0 ** generator.integers(-4, 4)).astype(
        np.float32
    )
    first = non_overflow(values)
    errors = []
    for position in range(first, first + CANDIDATES):
        back = dequantize(quantize(values, position, mode), position)
        errors.append(float(((values.astype(np.float64) - back) ** 2).sum()))
    assert min_mse(values, mode) == first + errors.index(min(errors))


@pytest.mark.parametrize("mode", sorted(ROUND_MODES))
@pytest.mark.parametrize(
    ("values", "position"),
    [
        ([0, 0], 51),
        ([1.0], 6),  # 64 / 64 is exact, so is none finer
        ([0.5, 0.25], 7),  # exact at 7; 8 would saturate 0.5
        # at 6 each 1/128 errs by half a unit, 1/128; at 7 they are exact and 1.0 errs by 1/128
        ([1.0, 1 / 128], 6),  # equal: the first wins
        ([1.0, 1 / 128, 1 / 128], 7),
        ([-1.0, 1 / 256], 7),  # -1.0 is exact at 7, where 1/256 is half a unit; 8 would halve -1.0
        # below 9 each small one errs by 1/512, in all 0.76; at 9 only 1.0 errs, by (385/512)**2
        ([1.0, *[1 / 512] * 200_000], 9),
    ],
    ids=["zeros", "one", "two", "tie", "outvoted", "negative", "many-small"],
)
def test_min_mse_by_hand(values: list[float], position: int, mode: str) -> None:
    assert min_mse(_values(*values), mode) == position


def test_min_mse_tries_five_positions(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def falling(values: np.ndarray, position: int, round_mode: str) -> float:
        tried.append(position)
        return -float(position)

    monkeypatch.setattr("host.quantizer.positions._squared_error", falling)
    assert min_mse(_values(1.0), "DPU_ROUND") == 10
    assert tried == [6, 7, 8, 9, 10]


def test_min_mse_never_goes_below_non_overflow() -> None:
    generator = np.random.default_rng(9)
    for _ in range(20):
        values = generator.normal(size=50).astype(np.float32)
        assert non_overflow(values) <= min_mse(values, "DPU_ROUND") < non_overflow(values) + 5


def test_positions_beside_powers_of_two_are_those_of_a_compiled_graph() -> None:
    """TensorFlow compiles the formula to products with float32 reciprocals; a few ulp decide."""
    import_keras()
    import tensorflow as tf

    @tf.function
    def compiled(low: tf.Tensor, high: tf.Tensor) -> tf.Tensor:
        ratio = -254.0 / 256.0
        least, most = tf.minimum(low, high / ratio), tf.maximum(high, low * ratio)
        step = tf.maximum(tf.maximum(least / -128.0, most / 127.0), 2.0**-52)
        return tf.floor(-tf.math.log(step) / tf.math.log(2.0))

    for k in (-12, -1, 0, 3, 6, 12, 14, 20, 28, 33):
        for edge in (np.ldexp(np.float32(127), -k), -np.ldexp(np.float32(128), -k)):
            values = [edge]
            for _ in range(8):
                values = [
                    np.nextafter(values[0], np.float32(-np.inf)),
                    *values,
                    np.nextafter(values[-1], np.float32(np.inf)),
                ]
            for value in values:
                low, high = min(value, np.float32(0)), max(value, np.float32(0))
                expected = int(compiled(tf.constant(low), tf.constant(high)))
                assert non_overflow(np.array([low, high], np.float32)) == expected, (k, value)
