"""Tests of the literal operations: results worked out by hand, and one plain seven-loop formula.

Must not import host, target or numpy.
Source: the DPU's integer arithmetic as documented for AMD's cpu_task.
"""

from __future__ import annotations

import itertools
import random

import pytest

from tests.literal import ops
from tests.literal.made import make_op, window
from tests.literal.ops import Tensor

# Rounding, saturation, nonlinearity


@pytest.mark.parametrize(
    ("numerator", "shift", "expected"),
    [
        (5, 1, 3),  # 2.5, the tie goes up
        (-5, 1, -2),  # -2.5, the tie goes up as well
        (3, 1, 2),
        (-3, 1, -1),
        (1, 1, 1),
        (-1, 1, 0),
        (9, 2, 2),  # 2.25
        (11, 2, 3),  # 2.75
        (-9, 2, -2),
        (-11, 2, -3),
        (-10, 2, -2),  # -2.5 again
        (7, 0, 7),
        (-7, -2, -28),
    ],
)
def test_half_up_rounds_ties_towards_plus_infinity(
    numerator: int, shift: int, expected: int
) -> None:
    assert ops.half_up(numerator, shift) == expected


@pytest.mark.parametrize(
    ("numerator", "shift", "nonlinear", "fix_point", "expected"),
    [
        (254, 1, "NONE", 0, 127),
        (255, 1, "NONE", 0, 127),  # 127.5 rounds to 128
        (300, 0, "NONE", 0, 127),
        (-257, 1, "NONE", 0, -128),  # -128.5 rounds to -128
        (-300, 0, "NONE", 0, -128),
        (-1, -8, "NONE", 0, -128),  # -256
        (-1, 0, "RELU", 0, 0),
        (-2000, 3, "RELU", 0, 0),
        (5, 1, "RELU", 0, 3),
        (200, 0, "RELU6", 4, 96),  # 6 * 2**4
        (383, 2, "RELU6", 4, 96),  # 95.75
        (381, 2, "RELU6", 4, 95),  # 95.25
        (-1, 0, "RELU6", 4, 0),
        (200, 0, "RELU6", 5, 127),  # 6 * 2**5 = 192
        (1, -7, "RELU6", 4, 96),  # 128
        (3, -3, "RELU6", 1, 12),  # 24, limited to 12
        (9, 0, "RELU6", -1, 3),
        (9, 0, "RELU6", -2, 2),  # limited to 1.5
        (1, 0, "RELU6", -2, 1),
        (100, 0, "LEAKYRELU", 0, 100),
        (-100, 0, "LEAKYRELU", 0, -10),  # -10.16
        (-64, 0, "LEAKYRELU", 0, -6),  # -6.5
        (-192, 0, "LEAKYRELU", 0, -19),  # -19.5, from below
        (-1240, 0, "LEAKYRELU", 0, -126),  # -125.94; a slope of 0.1 would give -124
        (-2480, 1, "LEAKYRELU", 0, -126),
        (-310, -2, "LEAKYRELU", 0, -126),
        (-5000, 0, "LEAKYRELU", 0, -128),
    ],
)
def test_finish_applies_the_nonlinearity_then_rounds_once_then_saturates(
    numerator: int, shift: int, nonlinear: str, fix_point: int, expected: int
) -> None:
    assert ops.finish(numerator, shift, nonlinear, fix_point) == expected


def test_finish_rejects_an_unknown_nonlinearity() -> None:
    with pytest.raises(NotImplementedError, match="got HSWISH"):
        ops.finish(1, 0, "HSWISH")


# Convolution


def test_conv_with_padding_on_the_left_and_bottom_only() -> None:
    x = Tensor((1, 3, 3, 1), [1, 2, 3, 4, 5, 6, 7, 8, 9], 0)
    w = Tensor((1, 2, 2, 1), [1, 2, 3, -4], 0)
    op = make_op((1, 3, 3, 1), window([2, 2], [1, 1], [1, 0, 0, 1]))
    # top left: 2*1 - 4*4; centre: 4 + 2*5 + 3*7 - 4*8; bottom right: 8 + 2*9
    expected = [-14, -3, -1, -20, 3, 5, 14, 23, 26]
    assert ops.conv2d_fix(op, {"input": [x], "weights": [w]}) == expected


@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "weights", "dims", "expected"),
    [
        pytest.param([1, 1], [2, 1], [1, 1], [1], (1, 2, 2, 1), [1, 3, 5, 7], id="stride-w"),
        pytest.param([1, 1], [1, 2], [1, 1], [1], (1, 1, 4, 1), [1, 2, 3, 4], id="stride-h"),
        pytest.param(
            [3, 1], [1, 1], [1, 1], [1, 2, 3], (1, 2, 2, 1), [14, 20, 38, 44], id="kernel-w"
        ),
        pytest.param([1, 2], [2, 1], [1, 1], [1, 10], (1, 1, 2, 1), [51, 73], id="kernel-h"),
        pytest.param(
            [2, 1], [1, 1], [2, 1], [1, 10], (1, 2, 2, 1), [31, 42, 75, 86], id="dilation-w"
        ),
    ],
)
def test_conv_reads_kernel_stride_and_dilation_as_width_then_height(
    kernel: list[int],
    stride: list[int],
    dilation: list[int],
    weights: list[int],
    dims: tuple[int, ...],
    expected: list[int],
) -> None:
    x = Tensor((1, 2, 4, 1), [1, 2, 3, 4, 5, 6, 7, 8], 0)
    w = Tensor((1, kernel[1], kernel[0], 1), weights, 0)
    op = make_op(dims, window(kernel, stride, [0, 0, 0, 0], dilation=dilation))
    assert ops.conv2d_fix(op, {"input": [x], "weights": [w]}) == expected


def test_conv_takes_weights_as_output_channel_height_width_input_channel() -> None:
    x = Tensor((1, 1, 2, 2), [1, 2, 3, 4], 0)
    w = Tensor((2, 1, 2, 2), [1, 0, 0, 10, 5, 6, 7, 8], 0)
    op = make_op((1, 1, 1, 2), window([2, 1], [1, 1], [0, 0, 0, 0]))
    # 1*1 + 4*10; 5 + 12 + 21 + 32
    assert ops.conv2d_fix(op, {"input": [x], "weights": [w]}) == [41, 70]


@pytest.mark.parametrize(
    ("x_code", "bias", "expected"),
    [
        (5, [0, -1, 1, -4], [3, 2, 3, 2]),  # 5/2, 4.75/2, 5.25/2, 4/2
        (4, [0, 3, 4, -5], [2, 2, 3, 1]),  # 4/2, 4.75/2, 5/2, 2.75/2
        (-5, [0, -1, 1, 127], [-2, -3, -2, 13]),  # -5/2, -5.25/2, -4.75/2, 26.75/2
    ],
)
def test_conv_keeps_the_fraction_of_a_negative_shift_bias(
    x_code: int, bias: list[int], expected: list[int]
) -> None:
    x = Tensor((1, 1, 1, 1), [x_code], 1)
    w = Tensor((4, 1, 1, 1), [1, 1, 1, 1], 0)
    b = Tensor((4,), bias, 3)  # shift_bias = 1 + 0 - 3 = -2, shift_cut = 1 + 0 - 0 = 1
    op = make_op((1, 1, 1, 4), window([1, 1], [1, 1], [0, 0, 0, 0]))
    assert ops.conv2d_fix(op, {"input": [x], "weights": [w], "bias": [b]}) == expected


def test_conv_shifts_the_bias_left_and_saturates_both_ways() -> None:
    x = Tensor((1, 1, 1, 1), [8], 4)
    w = Tensor((5, 1, 1, 1), [1, 1, 1, 127, -128], 4)
    b = Tensor((5,), [0, -2, 127, 127, -128], 5)  # shift_bias = 3, shift_cut = 4
    op = make_op((1, 1, 1, 5), window([1, 1], [1, 1], [0, 0, 0, 0]), fix_point=4)
    # 8/16; (8 - 16)/16 = -0.5; (8 + 1016)/16; (1016 + 1016)/16; (-1024 - 1024)/16
    assert ops.conv2d_fix(op, {"input": [x], "weights": [w], "bias": [b]}) == [1, 0, 64, 127, -128]


def test_conv_of_negative_shift_cut_multiplies() -> None:
    x = Tensor((1, 1, 3, 1), [3, 60, -60], -2)
    w = Tensor((1, 1, 1, 1), [1], 1)
    op = make_op((1, 1, 3, 1), window([1, 1], [1, 1], [0, 0, 0, 0]), fix_point=1)
    assert ops.conv2d_fix(op, {"input": [x], "weights": [w]}) == [12, 127, -128]


@pytest.mark.parametrize("nonlinear", ["NONE", "RELU", "RELU6", "LEAKYRELU"])
def test_conv_applies_its_nonlinearity(nonlinear: str) -> None:
    x = Tensor((1, 1, 3, 1), [-100, 20, 100], 0)
    w = Tensor((1, 1, 1, 1), [1], 0)
    op = make_op((1, 1, 3, 1), window([1, 1], [1, 1], [0, 0, 0, 0], nonlinear=nonlinear))
    expected = {
        "NONE": [-100, 20, 100],
        "RELU": [0, 20, 100],
        "RELU6": [0, 6, 6],
        "LEAKYRELU": [-10, 20, 100],
    }
    assert ops.conv2d_fix(op, {"input": [x], "weights": [w]}) == expected[nonlinear]


@pytest.mark.parametrize("seed", range(12))
def test_conv_equals_the_seven_loop_formula(seed: int) -> None:
    draw = random.Random(seed)
    h, w, ic, oc = draw.randint(4, 7), draw.randint(4, 7), draw.randint(1, 3), draw.randint(1, 3)
    kw, kh = draw.randint(1, 3), draw.randint(1, 3)
    sw, sh, dw, dh = (draw.randint(1, 2) for _ in range(4))
    left, right, top, bottom = (draw.randint(0, 2) for _ in range(4))
    ow = (w + left + right - (kw - 1) * dw - 1) // sw + 1
    oh = (h + top + bottom - (kh - 1) * dh - 1) // sh + 1
    x = Tensor((1, h, w, ic), [draw.randint(-128, 127) for _ in range(h * w * ic)], 3)
    weights = [draw.randint(-128, 127) for _ in range(oc * kh * kw * ic)]
    bias = [draw.randint(-128, 127) for _ in range(oc)]
    attrs = window([kw, kh], [sw, sh], [left, right, top, bottom], dilation=[dw, dh])
    expected = []
    for oy, ox, o in itertools.product(range(oh), range(ow), range(oc)):
        acc = bias[o] * 4  # shift_bias = 3 + 6 - 7
        for ky, kx, c in itertools.product(range(kh), range(kw), range(ic)):
            iy, ix = oy * sh - top + ky * dh, ox * sw - left + kx * dw
            if 0 <= iy < h and 0 <= ix < w:
                weight = weights[((o * kh + ky) * kw + kx) * ic + c]
                acc += x.values[(iy * w + ix) * ic + c] * weight
        expected.append(min(max((acc + 64) // 128, -128), 127))  # shift_cut = 3 + 6 - 2
    args = {
        "input": [x],
        "weights": [Tensor((oc, kh, kw, ic), weights, 6)],
        "bias": [Tensor((oc,), bias, 7)],
    }
    assert ops.conv2d_fix(make_op((1, oh, ow, oc), attrs, fix_point=2), args) == expected


def test_conv_rejects_channels_that_do_not_fit() -> None:
    x = Tensor((1, 1, 1, 2), [1, 2], 0)
    w = Tensor((1, 1, 1, 3), [1, 2, 3], 0)
    op = make_op((1, 1, 1, 1), window([1, 1], [1, 1], [0, 0, 0, 0]))
    with pytest.raises(ValueError, match=r"channels must be \(3, 1\), got \(2, 1\)"):
        ops.conv2d_fix(op, {"input": [x], "weights": [w]})


def test_depthwise_conv_keeps_channels_apart_and_the_fraction_of_the_bias() -> None:
    x = Tensor((1, 2, 2, 2), [1, 10, 2, 20, 3, 30, 4, 40], 0)
    w = Tensor((1, 2, 1, 2), [1, -1, 2, 1], 0)
    b = Tensor((2,), [1, -4], 1)  # shift_bias = -1: 0.5 and -2
    op = make_op((1, 1, 2, 2), window([1, 2], [1, 1], [0, 0, 0, 0], nonlinear="NONE"))
    # left: 1 + 2*3 + 0.5, -10 + 30 - 2; right: 2 + 2*4 + 0.5, -20 + 40 - 2
    args = {"input": [x], "weights": [w], "bias": [b]}
    assert ops.depthwise_conv2d_fix(op, args) == [8, 18, 11, 18]


def test_depthwise_conv_with_odd_padding_and_stride_2() -> None:
    x = Tensor((1, 1, 4, 1), [1, 2, 3, 4], 0)
    w = Tensor((1, 1, 3, 1), [100, 10, 1], 2)
    op = make_op((1, 1, 2, 1), window([3, 1], [2, 1], [0, 1, 0, 0]), fix_point=1)
    # (100 + 20 + 3)/2 = 61.5; (300 + 40)/2 saturates
    assert ops.depthwise_conv2d_fix(op, {"input": [x], "weights": [w]}) == [62, 127]


# Pooling


@pytest.mark.parametrize(
    ("fix_point", "expected"),
    [
        (3, [-5, -3, -3, -5, -3, -3, -7, -7, -9]),
        (2, [-2, -1, -1, -2, -1, -1, -3, -3, -4]),  # -2.5, -1.5, -3.5, -4.5: ties go up
        (8, [-128, -96, -96, -128, -96, -96, -128, -128, -128]),
    ],
)
def test_max_pool_ignores_padding_around_negative_codes(
    fix_point: int, expected: list[int]
) -> None:
    x = Tensor((1, 2, 2, 1), [-5, -3, -7, -9], 3)
    op = make_op((1, 3, 3, 1), window([2, 2], [1, 1], [1, 1, 1, 1], type="MAX"), fix_point)
    assert ops.pool_fix(op, {"input": [x]}) == expected


def test_max_pool_keeps_channels_apart_and_takes_width_first() -> None:
    x = Tensor((1, 2, 4, 2), [1, -1, 2, -2, 3, -3, 4, -4, 8, -8, 7, -7, 6, -6, 5, -5], 0)
    op = make_op((1, 2, 2, 2), window([2, 1], [2, 1], [0, 0, 0, 0], type="MAX"))
    assert ops.pool_fix(op, {"input": [x]}) == [2, -1, 4, -3, 8, -7, 6, -5]


@pytest.mark.parametrize(
    ("codes", "fix_point", "expected"),
    [
        ([100] * 9, 4, 98),  # 900 * 7/64 = 98.4
        ([-100] * 9, 4, -98),
        ([100] * 9, 3, 49),  # 49.2
        ([100] * 9, 5, 127),  # 196.9
        ([-100] * 9, 5, -128),
        ([32, *[0] * 8], 4, 4),  # 3.5
        ([-32, *[0] * 8], 4, -3),  # -3.5
        ([127] * 9, 4, 125),  # 1143 * 7/64 = 125.02
    ],
)
def test_avg_pool_of_3x3_multiplies_by_7_over_64_and_rounds_once(
    codes: list[int], fix_point: int, expected: int
) -> None:
    x = Tensor((1, 3, 3, 1), codes, 4)
    op = make_op((1, 1, 1, 1), window([3, 3], [1, 1], [0, 0, 0, 0], type="AVG"), fix_point)
    assert ops.pool_fix(op, {"input": [x]}) == [expected]


def test_avg_pool_counts_padding_as_zeros() -> None:
    x = Tensor((1, 1, 1, 1), [64], 0)
    op = make_op((1, 1, 1, 1), window([3, 3], [1, 1], [1, 1, 1, 1], type="AVG"))
    assert ops.pool_fix(op, {"input": [x]}) == [7]


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ((1, 1), (1, 0)),
        ((2, 2), (1, 2)),
        ((2, 1), (1, 1)),
        ((3, 3), (7, 6)),
        ((5, 5), (10, 8)),
        ((6, 6), (7, 8)),
        ((7, 7), (21, 10)),
        ((14, 14), (21, 12)),
        ((8, 8), (1, 6)),
        ((3, 1), (85, 8)),  # 256/3 = 85.33
        ((9, 1), (57, 9)),  # 512/9 = 56.89, 1024/9 = 113.78; not the table's 3x3
        ((5, 1), (51, 8)),  # 256/5 = 51.2; M must be below ceil(log2(640)) = 10
    ],
)
def test_average_factor(kernel: tuple[int, int], expected: tuple[int, int]) -> None:
    assert ops.average_factor(*kernel) == expected


# Element-wise, concatenation, identity


@pytest.mark.parametrize(
    ("nonlinear", "expected"),
    # 4 * (5/8 + 1/2) = 4.5; 4 * (-5/8 + 1/2) = -0.5; saturated; 4 * (-128/8 + -64); 4 * -3.5
    [("NONE", [5, 0, 127, -128, -14]), ("RELU", [5, 0, 127, 0, 0])],
)
def test_eltwise_add_aligns_fix_points_before_one_rounding(
    nonlinear: str, expected: list[int]
) -> None:
    a = Tensor((1, 5), [5, -5, 127, -128, -24], 3)
    b = Tensor((1, 5), [1, 1, 127, -128, -1], 1)
    op = make_op((1, 5), {"type": "ADD", "nonlinear": nonlinear}, fix_point=2)
    assert ops.eltwise_fix(op, {"input": [a, b]}) == expected


def test_eltwise_add_takes_more_than_two_inputs() -> None:
    inputs = [Tensor((1, 2), [1, -1], 1) for _ in range(3)]
    op = make_op((1, 2), {"type": "ADD"}, fix_point=0)
    assert ops.eltwise_fix(op, {"input": inputs}) == [2, -1]  # 1.5 and -1.5


def test_eltwise_mul_is_the_product_of_the_real_values() -> None:
    a = Tensor((1, 4), [5, -5, 127, -128], 3)
    b = Tensor((1, 4), [3, 2, 127, 127], 1)
    op = make_op((1, 4), {"type": "MUL", "nonlinear": "NONE"}, fix_point=2)
    # 4 * 15/16 = 3.75; 4 * -10/16 = -2.5; both others saturate
    assert ops.eltwise_fix(op, {"input": [a, b]}) == [4, -2, 127, -128]


def test_eltwise_stretches_dimensions_of_1() -> None:
    a = Tensor((1, 2, 2, 2), [1, 2, 3, 4, 5, 6, 7, 8], 0)
    per_channel = Tensor((1, 1, 1, 2), [10, -10], 0)
    op = make_op((1, 2, 2, 2), {"type": "MUL"})
    expected = [10, -20, 30, -40, 50, -60, 70, -80]
    assert ops.eltwise_fix(op, {"input": [a, per_channel]}) == expected
    per_row = Tensor((2, 1, 1), [0, 100], 0)
    op = make_op((1, 2, 2, 2), {"type": "ADD"})
    assert ops.eltwise_fix(op, {"input": [a, per_row]}) == [1, 2, 3, 4, 105, 106, 107, 108]


def test_eltwise_rejects_dims_that_do_not_stretch() -> None:
    op = make_op((1, 2), {"type": "ADD"})
    with pytest.raises(ValueError, match=r"must stretch to \(1, 2\), got \(1, 3\)"):
        ops.eltwise_fix(op, {"input": [Tensor((1, 3), [1, 2, 3], 0)]})


@pytest.mark.parametrize(
    ("axis", "dims", "expected"),
    [
        (3, (1, 2, 1, 3), [1, 2, 5, 3, 4, 6]),
        (-1, (1, 2, 1, 3), [1, 2, 5, 3, 4, 6]),
    ],
)
def test_concat_joins_along_its_axis(axis: int, dims: tuple[int, ...], expected: list[int]) -> None:
    a = Tensor((1, 2, 1, 2), [1, 2, 3, 4], 0)
    b = Tensor((1, 2, 1, 1), [5, 6], 0)
    assert ops.concat_fix(make_op(dims, {"axis": axis}), {"input": [a, b]}) == expected


def test_concat_along_the_height_and_to_another_fix_point() -> None:
    a = Tensor((1, 1, 2, 1), [5, -5], 3)
    b = Tensor((1, 2, 2, 1), [5, 100, -5, -100], 1)
    op = make_op((1, 3, 2, 1), {"axis": 1}, fix_point=2)
    assert ops.concat_fix(op, {"input": [a, b]}) == [3, -2, 10, 127, -10, -128]


@pytest.mark.parametrize(
    ("nonlinear", "expected"),
    [("RELU6", [96, 0, 23]), ("LEAKYRELU", [124, -11, 23])],  # 6 * 2**4; -107 * 26/256 = -10.87
)
def test_eltwise_add_has_nonlinearities_before_the_rounding(
    nonlinear: str, expected: list[int]
) -> None:
    a, b = Tensor((1, 3), [120, -100, 20], 4), Tensor((1, 3), [4, -7, 3], 4)
    op = make_op((1, 3), {"type": "ADD", "nonlinear": nonlinear}, fix_point=4)
    assert ops.eltwise_fix(op, {"input": [a, b]}) == expected


def test_identity_rejects_a_change_of_fix_point() -> None:
    with pytest.raises(ValueError, match="fix_point must be 3, got 2"):
        ops.identity(make_op((1,), fix_point=2), {"input": [Tensor((1,), [5], 3)]})
