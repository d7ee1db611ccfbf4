"""Tests of PRELU, HSIGMOID and HSWISH behind a convolution, and of hard-sigmoid-fix.

Must not import host, target or numpy.
Source: AMD's functional models of the DPU; vai_q_tensorflow2 for hard-sigmoid-fix.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.literal.made import run, window
from tests.literal.ops import Tensor

KINDS = [
    "conv2d-fix",
    "depthwise-conv2d-fix",
    "transposed-conv2d-fix",
    "transposed-depthwise-conv2d-fix",
]


def _scalars(
    kind: str, codes: list[int], fix_in: int, fix_out: int, nonlinear: str, **attrs: int
) -> list[int]:
    """Convolve each code by 1, with a nonlinearity."""
    x, one = Tensor((1, 1, len(codes), 1), codes, fix_in), Tensor((1, 1, 1, 1), [1], 0)
    all_attrs: dict[str, Any] = {"nonlinear": nonlinear, **attrs}
    all_attrs = window([1, 1], [1, 1], [0, 0, 0, 0], **all_attrs)
    return run(kind, x, x.dims, all_attrs, fix_out, weights=one)


@pytest.mark.parametrize("kind", KINDS)
def test_prelu_scales_negative_sums_before_the_one_rounding(kind: str) -> None:
    codes = [-100, -64, -2, 0, 3, 100]
    # times 26/256: -10.16, -6.5, -0.2
    got = _scalars(kind, codes, 0, 0, "PRELU", prelu_in=26, prelu_shift=8)
    assert got == [-10, -6, 0, 0, 3, 100]
    # halved by the fix points as well: -5.08, -3.25, -0.1; 1.5, 50
    got = _scalars(kind, codes, 1, 0, "PRELU", prelu_in=26, prelu_shift=8)
    assert got == [-5, -3, 0, 0, 2, 50]


@pytest.mark.parametrize(
    ("prelu_in", "prelu_shift", "expected"),
    [
        (-64, 7, [3, 2, 7]),  # slope -1/2: 2.5, 2
        (0, 0, [0, 0, 7]),
        (1, 0, [-5, -4, 7]),
        (127, 5, [-20, -16, 7]),  # -19.84, -15.875
        (3, -2, [-60, -48, 7]),
        (127, 0, [-128, -128, 7]),
    ],
)
def test_prelu_slopes(prelu_in: int, prelu_shift: int, expected: list[int]) -> None:
    attrs = {"prelu_in": prelu_in, "prelu_shift": prelu_shift}
    assert _scalars("conv2d-fix", [-5, -4, 7], 0, 0, "PRELU", **attrs) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_hsigmoid_of_codes_at_its_own_fix_point(kind: str) -> None:
    # (x * 2731 + 3 * 2731 * 4) / 512: below 0, 21.34, 64.01, 69.34, 106.68, 741.4
    got = _scalars(kind, [-20, -8, 0, 1, 8, 127], 2, 7, "HSIGMOID", hsigmoid_in=2, shift_hsigmoid=9)
    assert got == [0, 21, 64, 69, 107, 127]


@pytest.mark.parametrize(
    ("fix_in", "hsigmoid_in", "shift", "code", "expected"),
    [
        (4, 2, 9, 6, 75),  # 6/4 rounds to 2: 74.68; without that rounding 72.01
        (4, 2, 9, -6, 59),  # -6/4 rounds to -1: 58.67
        (0, 2, 9, 1, 85),  # 1 * 4: 85.34
        (0, 2, 9, 100, 127),  # 400 is saturated to 127 and then 741.4
        (0, 2, 13, 100, 46),  # 127 again: (346837 + 32772) / 8192 = 46.34
        (-1, -1, 6, -1, 21),  # (-2731 + 4096.5) / 64 = 21.34
        (-3, -3, 0, 0, 127),  # 1024.1
        (2, 2, -1, -12, 0),
        (2, 2, 14, -128, 0),
    ],
)
def test_hsigmoid_rounds_twice(
    fix_in: int, hsigmoid_in: int, shift: int, code: int, expected: int
) -> None:
    attrs = {"hsigmoid_in": hsigmoid_in, "shift_hsigmoid": shift}
    for fix_out in (7, 3):  # the output's fix point is already in the shift
        assert _scalars("conv2d-fix", [code], fix_in, fix_out, "HSIGMOID", **attrs) == [expected]


@pytest.mark.parametrize("kind", KINDS)
def test_hswish_multiplies_the_code_by_its_rounded_hsigmoid(kind: str) -> None:
    attrs = {"hsigmoid_in": 2, "shift_hsigmoid": 9}
    # gates 0, 21, 43, 64, 107, 127; -168/128 = -1.31, -172/128, 856/128 = 6.69, 16129/128
    got = _scalars(kind, [-20, -8, -4, 0, 8, 127], 2, 2, "HSWISH", shift_hswish=7, **attrs)
    assert got == [0, -1, -1, 0, 7, 126]
    # /8: -21, -21.5, 107, saturated
    got = _scalars(kind, [-8, -4, 8, 127], 2, 6, "HSWISH", shift_hswish=3, **attrs)
    assert got == [-21, -21, 107, 127]


def test_hard_sigmoid_rounds_once() -> None:
    # at 4: -8, -3, 0, 3 and beyond: 0, 0.50006, 1.00012
    x = Tensor((1, 5), [-128, -48, 0, 48, 127], 4)
    assert run("hard-sigmoid-fix", x, (1, 5), fix_point=6) == [0, 0, 32, 64, 64]
    assert run("hard-sigmoid-fix", x, (1, 5), fix_point=7) == [0, 0, 64, 127, 127]
    x = Tensor((1, 2), [-1, 1], -1)  # 1 * 2731/16384 = 0.1667, 5 * 2731/16384 = 0.8334
    assert run("hard-sigmoid-fix", x, (1, 2), fix_point=7) == [21, 107]


def test_hard_sigmoid_rejects_attributes_that_deny_the_fix_points() -> None:
    x = Tensor((1, 1), [1], 2)
    with pytest.raises(ValueError, match="shift_hsigmoid must be 9, got 8"):
        run("hard-sigmoid-fix", x, (1, 1), {"hsigmoid_in": 2, "shift_hsigmoid": 8}, 7)
    with pytest.raises(ValueError, match="hsigmoid_in must be 2, got 3"):
        run("hard-sigmoid-fix", x, (1, 1), {"hsigmoid_in": 3}, 7)
