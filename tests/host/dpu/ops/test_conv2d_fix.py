from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target.errors import ModelError
from tests.host.dpu.ops import naive
from tests.host.dpu.ops.naive import Window
from tests.host.small_graphs import run_op

NONLINEAR = ["NONE", "RELU", "RELU6", "LEAKYRELU"]


def conv(
    x: np.ndarray,
    weights: np.ndarray,
    bias: np.ndarray | None,
    fixes: tuple[int, int, int, int],
    window: Window,
    nonlinear: str = "NONE",
) -> np.ndarray:
    """Run conv2d-fix; `fixes` are those of input, weights, bias, output."""
    inputs = {"input": [(x, fixes[0])], "weights": [(weights, fixes[1])]}
    if bias is not None:
        inputs["bias"] = [(bias, fixes[2])]
    dims = (1, *window.out(*x.shape[1:3]), len(weights))
    attrs = {**window.attrs(), "nonlinear": nonlinear, "group": 1}
    return run_op("conv2d-fix", dims, inputs, fixes[3], **attrs)


def _scalar(
    x: int, w: int, b: int | None, fixes: tuple[int, int, int, int], nonlinear: str = "NONE"
) -> int:
    bias = None if b is None else np.int8([b])
    one = np.int8([[[[x]]]])
    return int(conv(one, np.int8([[[[w]]]]), bias, fixes, Window((1, 1)), nonlinear)[0, 0, 0, 0])


def test_a_convolution_by_hand() -> None:
    x = np.int8([[1, 2, 3], [4, 5, 6], [7, 8, -9]]).reshape(1, 3, 3, 1)
    weights = np.int8([[1, -1], [2, 0]]).reshape(1, 2, 2, 1)
    # 1*1 - 1*2 + 2*4 = 7;  1*2 - 1*3 + 2*5 = 9;  4 - 5 + 14 = 13;  5 - 6 + 16 = 15
    got = conv(x, weights, None, (0, 0, 0, 0), Window((2, 2)))
    assert got.dtype == np.int8
    np.testing.assert_array_equal(got.reshape(2, 2), [[7, 9], [13, 15]])


def test_every_input_pixel_reaches_its_own_tap() -> None:
    # a single 1 moved over the input, a kernel of powers of two: any wrong tap shows as a bit
    weights = np.int8([[1, 2, 4], [8, 16, 32]]).reshape(1, 2, 3, 1)
    for row, column in np.ndindex(3, 4):
        x = np.zeros((1, 3, 4, 1), np.int8)
        x[0, row, column] = 1
        got = conv(x, weights, None, (0, 0, 0, 0), Window((3, 2)))[0, :, :, 0]
        expected = np.zeros((2, 2), int)
        for i, j in np.ndindex(2, 2):
            if 0 <= row - i < 2 and 0 <= column - j < 3:
                expected[i, j] = 1 << (3 * (row - i) + column - j)
        np.testing.assert_array_equal(got, expected)


def test_asymmetric_padding_by_hand() -> None:
    x = np.int8([[1, 2], [3, 4]]).reshape(1, 2, 2, 1)
    weights = np.int8([[1, 10]]).reshape(1, 1, 2, 1)
    # left 1, right 0, top 0, bottom 1: rows [0 1 2] [0 3 4] [0 0 0]
    got = conv(x, weights, None, (0, 0, 0, 0), Window((2, 1), pad=(1, 0, 0, 1)))
    np.testing.assert_array_equal(got[0, :, :, 0], [[10, 21], [30, 43], [0, 0]])


@pytest.mark.parametrize(
    ("x", "w", "fixes", "code"),
    [
        (5, 1, (1, 0, 0, 0), 3),  # 2.5
        (-5, 1, (1, 0, 0, 0), -2),  # -2.5
        (1, 1, (1, 0, 0, 0), 1),  # 0.5
        (-1, 1, (1, 0, 0, 0), 0),  # -0.5
        (-3, 1, (1, 0, 0, 0), -1),  # -1.5
        (127, 127, (0, 0, 0, 0), 127),
        (-128, 127, (0, 0, 0, 0), -128),
        (-128, -128, (0, 0, 0, 0), 127),
        (-128, -128, (0, 7, 0, 0), 127),  # 128
        (127, 127, (7, 7, 7, 7), 126),  # 126.0078
        (-128, 1, (8, 8, 0, 0), 0),  # -0.00195
        (3, 5, (2, 3, 0, 8), 120),  # shift_cut -3: 15 / 32 at 8
        (1, 1, (-2, 0, 0, 0), 4),
        (1, 1, (-2, -3, 0, -4), 2),  # 32 / 16
    ],
)
def test_rounding_and_saturation(
    x: int, w: int, fixes: tuple[int, int, int, int], code: int
) -> None:
    assert _scalar(x, w, None, fixes) == code


@pytest.mark.parametrize(
    ("b", "fixes", "code"),
    [
        # 3 * 5 = 15; the bias is shifted to the product by fi + fw - fb
        (1, (0, 0, 0, 0), 16),
        (1, (2, 2, 0, 0), 2),  # shift_bias 4: 15/16 + 1 = 1.9375
        (1, (0, 0, 1, 0), 16),  # shift_bias -1: 15.5 keeps its fraction, ties go up
        (-1, (0, 0, 1, 0), 15),  # 14.5
        (-3, (0, 0, 2, 0), 14),  # 14.25
        (-1, (0, 0, 7, 0), 15),  # 14.992
        (1, (0, 0, 7, 3), 120),  # 120.06
        (127, (0, 0, 3, 0), 31),  # 15 + 15.875
        (-128, (0, 0, -3, 0), -128),  # 15 - 1024
    ],
)
def test_bias_at_its_own_fix_point(b: int, fixes: tuple[int, int, int, int], code: int) -> None:
    assert _scalar(3, 5, b, fixes) == code


@pytest.mark.parametrize(
    ("nonlinear", "x", "fixes", "code"),
    [
        ("RELU", -5, (0, 0, 0, 0), 0),
        ("RELU", 5, (0, 0, 0, 0), 5),
        ("RELU6", 100, (4, 0, 0, 4), 96),  # 6 at fix point 4
        ("RELU6", 95, (4, 0, 0, 4), 95),
        ("RELU6", -1, (4, 0, 0, 4), 0),
        ("RELU6", 100, (0, 0, 0, -2), 2),  # 6 / 4 = 1.5
        ("RELU6", 127, (0, 0, 0, 5), 127),  # 6 * 32 does not fit
        ("LEAKYRELU", 5, (0, 0, 0, 0), 5),
        ("LEAKYRELU", -64, (0, 0, 0, 0), -6),  # -64 * 26 / 256 = -6.5
        ("LEAKYRELU", -128, (0, 0, 0, 0), -13),
        ("LEAKYRELU", -4, (0, 0, 0, 0), 0),  # -0.41
        ("LEAKYRELU", -5, (0, 0, 0, 0), -1),  # -0.508
    ],
)
def test_nonlinearities(
    nonlinear: str, x: int, fixes: tuple[int, int, int, int], code: int
) -> None:
    assert _scalar(x, 1, None, fixes, nonlinear) == code


def test_unknown_nonlinearity_lists_the_known() -> None:
    with pytest.raises(ModelError, match=r"nonlinear of op 'it' must be one of .*, got 'SINE'"):
        _scalar(1, 1, None, (0, 0, 0, 0), "SINE")


@pytest.mark.parametrize(("last", "code"), [(0, 1), (-1, 0)], ids=["tie", "one-less"])
def test_sums_beyond_24_bits_are_exact(last: int, code: int) -> None:
    # 2048 * 128 * 128 = 2**25, a half at shift_cut 26; a float32 sum would lose the last unit
    x = np.full((1, 1, 1, 2049), -128, np.int8)
    weights = x.copy()
    x[..., -1], weights[..., -1] = 1, last
    assert conv(x, weights, None, (13, 13, 0, 0), Window((1, 1))).item() == code


@pytest.mark.parametrize(
    "window",
    [
        Window((3, 3), (1, 1), (1, 1), (1, 1, 1, 1)),
        Window((3, 2), (2, 1), (1, 1), (0, 1, 1, 0)),
        Window((2, 3), (1, 2), (2, 1), (2, 1, 0, 3)),
        Window((1, 1), (3, 2), (4, 4), (0, 0, 0, 0)),
        Window((6, 5), (1, 1), (1, 1), (0, 0, 0, 0)),  # the whole map: a dense layer
        Window((6, 5), (1, 1), (1, 1), (1, 0, 0, 2)),
    ],
    ids=str,
)
@pytest.mark.parametrize("nonlinear", NONLINEAR)
def test_fast_is_naive(window: Window, nonlinear: str) -> None:
    generator = np.random.default_rng(11)
    x = generator.integers(-128, 128, (2, 5, 6, 3), dtype=np.int8)
    weights = generator.integers(
        -128, 128, (4, window.kernel[1], window.kernel[0], 3), dtype=np.int8
    )
    bias = generator.integers(-128, 128, 4, dtype=np.int8)
    for fixes in ((6, 7, 9, 4), (6, 7, 14, 2), (5, 3, -2, 1)):
        np.testing.assert_array_equal(
            conv(x, weights, bias, fixes, window, nonlinear),
            naive.convolve(x, weights, bias, fixes, window, nonlinear),
        )


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_fast_is_naive_on_random_windows(data: st.DataObject) -> None:
    small = st.integers(1, 3)
    window = Window(
        (data.draw(small), data.draw(small)),
        (data.draw(small), data.draw(small)),
        (data.draw(st.integers(1, 2)), data.draw(st.integers(1, 2))),
        tuple(data.draw(st.integers(0, 3)) for _ in range(4)),  # type: ignore[arg-type]
    )
    height, width = data.draw(st.integers(5, 7)), data.draw(st.integers(5, 7))
    channels, outputs = data.draw(small), data.draw(small)
    generator = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    x = generator.integers(-128, 128, (1, height, width, channels), dtype=np.int8)
    shape = (outputs, window.kernel[1], window.kernel[0], channels)
    weights = generator.integers(-128, 128, shape, dtype=np.int8)
    bias = (
        generator.integers(-128, 128, outputs, dtype=np.int8) if data.draw(st.booleans()) else None
    )
    fixes = tuple(data.draw(st.integers(-4, 12)) for _ in range(4))
    nonlinear = data.draw(st.sampled_from(NONLINEAR))
    np.testing.assert_array_equal(
        conv(x, weights, bias, fixes, window, nonlinear),  # type: ignore[arg-type]
        naive.convolve(x, weights, bias, fixes, window, nonlinear),  # type: ignore[arg-type]
    )


def test_input_is_not_changed() -> None:
    x = np.full((1, 2, 2, 1), -7, np.int8)
    conv(x, np.full((1, 2, 2, 1), 3, np.int8), None, (0, 0, 0, 0), Window((2, 2)))
    np.testing.assert_array_equal(x, np.full((1, 2, 2, 1), -7))


ONE = np.ones((1, 1, 1, 1), np.int8)


@pytest.mark.parametrize(
    ("weights", "bias", "fixes", "message"),
    [
        (
            np.ones((1, 1, 1, 2), np.int8),
            None,
            (0, 0, 0, 0),
            r"\[1, 1, 1, 1\] with 1 groups, got \[1, 1, 1, 2\]",
        ),
        (np.ones((1, 2, 1, 1), np.int8), None, (0, 0, 0, 0), r"weights of op 'it' must be"),
        (ONE, np.ones(2, np.int8), (0, 0, 0, 0), "bias of op 'it' must have 1 values, got 2"),
        (ONE, None, (61, 0, 0, 0), r"shift_cut of op 'it' must be within \+-60 bits, got 61"),
        (ONE, ONE[0, 0, 0], (0, 0, 61, 0), r"bias shift of op 'it' must be within \+-60 bits, got 61"),
        (ONE, ONE[0, 0, 0], (0, 0, 50, 0), "sums of op 'it' must fit 53 bits, got"),
    ],
    ids=["channels", "kernel", "bias", "cut", "bias-shift", "width"],
)  # fmt: skip
def test_refuses(
    weights: np.ndarray, bias: np.ndarray | None, fixes: tuple[int, int, int, int], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        conv(ONE, weights, bias, fixes, Window((1, 1)))


def test_refuses_groups_that_do_not_divide_the_channels() -> None:
    with pytest.raises(ModelError, match="weights of op 'it' must be .* with 2 groups, got"):
        inputs = {"input": [(ONE, 0)], "weights": [(ONE, 0)]}
        run_op("conv2d-fix", (1, 1, 1, 1), inputs, 0, group=2, **Window((1, 1)).attrs())
