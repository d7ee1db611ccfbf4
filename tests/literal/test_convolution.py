"""Tests of the rarer convolutions: groups, several filters a channel, transposed ones.

Must not import host, target or numpy.
Source: AMD's cpu_task (transposed-conv2d-fix); the layout of weights as XIR infers shapes.
"""

from __future__ import annotations

import itertools
import random

import pytest

from tests.literal.made import run, window
from tests.literal.ops import Tensor

NO_PAD = [0, 0, 0, 0]


# Groups, several filters


def test_conv_of_two_groups_keeps_their_channels_apart() -> None:
    x = Tensor((1, 1, 1, 4), [1, 2, 3, 4], 0)
    weights = Tensor((4, 1, 1, 2), [1, 1, 1, -1, 1, 1, 10, 0], 0)
    attrs = window([1, 1], [1, 1], NO_PAD, group=2)
    assert run("conv2d-fix", x, (1, 1, 1, 4), attrs, weights=weights) == [3, -1, 7, 30]


def test_conv_of_groups_with_a_window() -> None:
    x = Tensor((1, 1, 3, 2), [1, 4, 2, 5, 3, 6], 0)
    weights = Tensor((2, 1, 2, 1), [1, 10, -1, 1], 0)
    attrs = window([2, 1], [1, 1], [0, 1, 0, 0], group=2)
    # channel 0: 1 + 20, 2 + 30, 3; channel 1: 5 - 4, 6 - 5, -6
    expected = [21, 1, 32, 1, 3, -6]
    assert run("conv2d-fix", x, (1, 1, 3, 2), attrs, weights=weights) == expected


def test_conv_rejects_groups_that_do_not_fit() -> None:
    x = Tensor((1, 1, 1, 4), [1, 2, 3, 4], 0)
    attrs = window([1, 1], [1, 1], NO_PAD, group=2)
    weights = Tensor((3, 1, 1, 2), [1] * 6, 0)
    with pytest.raises(ValueError, match="output channels by group must be 0, got 1"):
        run("conv2d-fix", x, (1, 1, 1, 3), attrs, weights=weights)
    with pytest.raises(ValueError, match=r"channels must be \(8, 2\), got \(4, 2\)"):
        run("conv2d-fix", x, (1, 1, 1, 2), attrs, weights=Tensor((2, 1, 1, 4), [1] * 8, 0))


def test_depthwise_conv_puts_the_filters_of_a_channel_side_by_side() -> None:
    x = Tensor((1, 1, 1, 2), [1, 10], 0)
    weights = Tensor((3, 1, 1, 2), [1, 2, 3, 4, 5, -6], 0)
    bias = Tensor((6,), [0, 0, 0, 1, 2, 3], 0)
    attrs = window([1, 1], [1, 1], NO_PAD)
    got = run("depthwise-conv2d-fix", x, (1, 1, 1, 6), attrs, weights=weights, bias=bias)
    assert got == [1, 3, 5, 20 + 1, 40 + 2, -60 + 3]


def test_depthwise_conv_of_two_filters_with_a_window() -> None:
    x = Tensor((1, 2, 1, 2), [1, 10, 2, 20], 0)
    # filter 0: row 0 (1, 2), row 1 (3, 4); filter 1: (-1, 0), (0, -1)
    weights = Tensor((2, 2, 1, 2), [1, 2, 3, 4, -1, 0, 0, -1], 0)
    attrs = window([1, 2], [1, 1], NO_PAD)
    got = run("depthwise-conv2d-fix", x, (1, 1, 1, 4), attrs, weights=weights)
    assert got == [1 + 6, -1, 20 + 80, -20]


# Transposed


@pytest.mark.parametrize(
    ("codes", "weights", "stride", "dilation", "pad", "expected"),
    [
        # 1 0 2 0 3 with one zero on either side, under (10, 1): the kernel is not turned around
        pytest.param([1, 2, 3], [10, 1], 2, 1, [0, 0], [1, 10, 2, 20, 3, 30], id="stride"),
        pytest.param([1, 2, 3], [10, 1], 2, 1, [1, 0], [10, 2, 20, 3, 30], id="left"),
        pytest.param([1, 2, 3], [10, 1], 2, 1, [0, 1], [1, 10, 2, 20, 3], id="right"),
        # 0 0 1 0 2 0 0 under (50, 10, 1)
        pytest.param([1, 2], [50, 10, 1], 2, 1, [0, 0], [1, 10, 52, 20, 100], id="overlap"),
        pytest.param([1, 2], [50, 10, 1], 1, 1, [0, 0], [1, 12, 70, 100], id="stride-1"),
        # kernel - 1 - pad is -1: the first input is cut off
        pytest.param([1, 2, 3], [2], 1, 1, [1, 0], [4, 6], id="pad-beyond-kernel"),
        # 0 1 0 0 2 under (7): no overlap at all
        pytest.param([1, 2], [7], 3, 1, [0, 0], [7, 0, 0, 14], id="gaps"),
        # kernel - 1 = 1 zero before 1 2 3 whatever the dilation; then 10 * a + c: 2, 13, 20, 30, 0
        pytest.param([1, 2, 3], [10, 1], 1, 2, [0, 0], [2, 13, 20, 30, 0], id="dilation"),
        # 0 1 0 2 0 ... under 10 * a + c: 0, 10 + 2, 0, 20, 0
        pytest.param([1, 2], [10, 1], 2, 2, [0, 0], [0, 12, 0, 20, 0], id="dilation-stride"),
    ],
)
@pytest.mark.parametrize("axis", ["w", "h"])
@pytest.mark.parametrize("kind", ["transposed-conv2d-fix", "transposed-depthwise-conv2d-fix"])
def test_transposed_conv_along_one_axis(
    kind: str,
    axis: str,
    codes: list[int],
    weights: list[int],
    stride: int,
    dilation: int,
    pad: list[int],
    expected: list[int],
) -> None:
    n, k, out = len(codes), len(weights), len(expected)
    if axis == "w":
        x, w, dims = (
            Tensor((1, 1, n, 1), codes, 0),
            Tensor((1, 1, k, 1), weights, 0),
            (1, 1, out, 1),
        )
        attrs = window([k, 1], [stride, 1], [*pad, 0, 0], dilation=[dilation, 1])
    else:
        x, w, dims = (
            Tensor((1, n, 1, 1), codes, 0),
            Tensor((1, k, 1, 1), weights, 0),
            (1, out, 1, 1),
        )
        attrs = window([1, k], [1, stride], [0, 0, *pad], dilation=[1, dilation])
    assert run(kind, x, dims, attrs, weights=w) == expected


def test_transposed_conv_takes_weights_as_output_channel_height_width_input_channel() -> None:
    x = Tensor((1, 1, 1, 2), [3, 4], 0)
    weights = Tensor((2, 1, 2, 2), [1, 2, 10, 20, -1, 0, 0, -1], 0)
    attrs = window([2, 1], [2, 1], NO_PAD)
    # the second tap meets the pixel first: 3 * 10 + 4 * 20, -4; then 3 + 8, -3
    got = run("transposed-conv2d-fix", x, (1, 1, 2, 2), attrs, weights=weights)
    assert got == [110, -4, 11, -3]


def test_transposed_depthwise_conv_keeps_channels_apart() -> None:
    x = Tensor((1, 1, 2, 2), [1, 10, 2, 20], 0)
    weights = Tensor((1, 1, 2, 2), [1, 2, 3, 4], 0)
    attrs = window([2, 1], [2, 1], NO_PAD)
    # channel 0: 1 0 2 under (1, 3); channel 1: 10 0 20 under (2, 4)
    got = run("transposed-depthwise-conv2d-fix", x, (1, 1, 4, 2), attrs, weights=weights)
    assert got == [3, 40, 1, 20, 6, 80, 2, 40]


@pytest.mark.parametrize("kind", ["transposed-conv2d-fix", "transposed-depthwise-conv2d-fix"])
@pytest.mark.parametrize(
    ("code", "nonlinear", "expected"),
    # (5 + 3/4) / 2 = 2.875; (-6 + 3/4) / 2 = -2.625, times 26/256 is -0.27
    [(5, "NONE", 3), (-6, "NONE", -3), (-6, "RELU", 0), (-6, "LEAKYRELU", 0)],
)
def test_transposed_conv_ends_like_any_convolution(
    kind: str, code: int, nonlinear: str, expected: int
) -> None:
    x, weights = Tensor((1, 1, 1, 1), [code], 1), Tensor((1, 1, 1, 1), [1], 0)
    bias = Tensor((1,), [3], 3)  # shift_bias = -2
    attrs = window([1, 1], [1, 1], NO_PAD, nonlinear=nonlinear)
    assert run(kind, x, (1, 1, 1, 1), attrs, weights=weights, bias=bias) == [expected]


@pytest.mark.parametrize("seed", range(12))
def test_transposed_conv_equals_what_every_input_pixel_leaves_behind(seed: int) -> None:
    draw = random.Random(seed)
    h, w, ic, oc = (draw.randint(1, 3) for _ in range(4))
    kw, kh = draw.randint(1, 3), draw.randint(1, 3)
    sw, sh, dw, dh = (draw.randint(1, 3) for _ in range(4))
    left, right, top, bottom = (draw.randint(0, k // 2) for k in (kw, kw, kh, kh))
    oh = (h - 1) * sh + dh * (kh - 1) + 1 - top - bottom
    ow = (w - 1) * sw + dw * (kw - 1) + 1 - left - right
    x = [draw.randint(-128, 127) for _ in range(h * w * ic)]
    weights = [draw.randint(-128, 127) for _ in range(oc * kh * kw * ic)]
    acc = dict.fromkeys(itertools.product(range(oh), range(ow), range(oc)), 0)
    for iy, ix, c in itertools.product(range(h), range(w), range(ic)):
        for o, ky, kx in itertools.product(range(oc), range(kh), range(kw)):
            at = iy * sh - ky * dh + kh - 1 - top, ix * sw - kx * dw + kw - 1 - left, o
            if at in acc:
                weight = weights[((o * kh + ky) * kw + kx) * ic + c]
                acc[at] += x[(iy * w + ix) * ic + c] * weight
    attrs = window([kw, kh], [sw, sh], [left, right, top, bottom], dilation=[dw, dh])
    got = run(
        "transposed-conv2d-fix",
        Tensor((1, h, w, ic), x, 3),
        (1, oh, ow, oc),
        attrs,
        fix_point=2,
        weights=Tensor((oc, kh, kw, ic), weights, 6),
    )
    assert got == [min(max((total + 64) // 128, -128), 127) for total in acc.values()]


def test_transposed_convs_reject_what_does_not_fit() -> None:
    x, weights = Tensor((1, 1, 3, 1), [1, 2, 3], 0), Tensor((1, 1, 2, 1), [1, 2], 0)
    attrs = window([2, 1], [2, 1], NO_PAD)
    with pytest.raises(ValueError, match="width must be 6, got 5"):
        run("transposed-conv2d-fix", x, (1, 1, 5, 1), attrs, weights=weights)
    with pytest.raises(ValueError, match="height must be 1, got 2"):
        run("transposed-depthwise-conv2d-fix", x, (1, 2, 6, 1), attrs, weights=weights)
    with pytest.raises(ValueError, match="group must be 1, got 2"):
        run("transposed-conv2d-fix", x, (1, 1, 6, 1), {**attrs, "group": 2}, weights=weights)
    two = Tensor((2, 1, 2, 1), [1, 2, 3, 4], 0)
    with pytest.raises(ValueError, match="channel multiplier must be 1, got 2"):
        run("transposed-depthwise-conv2d-fix", x, (1, 1, 6, 2), attrs, weights=two)
