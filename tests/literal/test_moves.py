"""Tests of pad-fix, strided_slice-fix, argmax-fix and reduction_max-fix by hand.

Must not import host, target or numpy.
Source: XIR's definitions of these ops, which are numpy's.
"""

from __future__ import annotations

import pytest

from tests.literal.made import run
from tests.literal.ops import Tensor


@pytest.mark.parametrize(
    ("mode", "codes", "before", "behind", "expected"),
    [
        ("CONSTANT", [1, 2, 3], 2, 1, [0, 0, 1, 2, 3, 0]),
        ("REFLECT", [1, 2, 3], 2, 1, [3, 2, 1, 2, 3, 2]),
        ("SYMMETRIC", [1, 2, 3], 2, 1, [2, 1, 1, 2, 3, 3]),
        ("REFLECT", [1, 2, 3], 4, 0, [1, 2, 3, 2, 1, 2, 3]),
        ("REFLECT", [1, 2], 0, 3, [1, 2, 1, 2, 1]),
        ("SYMMETRIC", [1, 2], 4, 0, [1, 2, 2, 1, 1, 2]),
        ("SYMMETRIC", [7], 1, 2, [7, 7, 7, 7]),
        ("CONSTANT", [1], 0, 0, [1]),
    ],
)
def test_pad_along_one_axis(
    mode: str, codes: list[int], before: int, behind: int, expected: list[int]
) -> None:
    for axis in range(4):
        paddings, dims_in, dims = [0] * 8, [1] * 4, [1] * 4
        paddings[2 * axis : 2 * axis + 2] = before, behind
        dims_in[axis], dims[axis] = len(codes), len(expected)
        x = Tensor(tuple(dims_in), codes, 0)
        assert run("pad-fix", x, tuple(dims), {"paddings": paddings, "mode": mode}) == expected


def test_pad_of_two_axes_reflects_the_corner() -> None:
    x = Tensor((1, 2, 2, 1), [1, 2, 3, 4], 0)
    paddings = [0, 0, 1, 0, 0, 1, 0, 0]  # top and right
    got = run("pad-fix", x, (1, 3, 3, 1), {"paddings": paddings, "mode": "REFLECT"})
    assert got == [3, 4, 3, 1, 2, 1, 3, 4, 3]
    got = run("pad-fix", x, (1, 3, 3, 1), {"paddings": paddings})
    assert got == [0, 0, 0, 1, 2, 0, 3, 4, 0]


def test_pad_rescales_where_fix_points_differ() -> None:
    x = Tensor((1, 3), [5, -5, 100], 1)
    attrs = {"paddings": [0, 0, 1, 0], "mode": "CONSTANT"}
    assert run("pad-fix", x, (1, 4), attrs, 0) == [0, 3, -2, 50]
    assert run("pad-fix", x, (1, 4), attrs, 2) == [0, 10, -10, 127]


def test_pad_rejects() -> None:
    x = Tensor((1, 1), [7], 0)
    with pytest.raises(ValueError, match="room to reflect in must be True, got False"):
        run("pad-fix", x, (1, 2), {"paddings": [0, 0, 1, 0], "mode": "REFLECT"})
    with pytest.raises(ValueError, match=r"dims must be \(1, 2\), got \(1, 3\)"):
        run("pad-fix", x, (1, 3), {"paddings": [0, 0, 1, 0], "mode": "CONSTANT"})
    with pytest.raises(ValueError, match="number of paddings must be 4, got 2"):
        run("pad-fix", x, (1, 2), {"paddings": [1, 0], "mode": "CONSTANT"})
    with pytest.raises(NotImplementedError, match="got EDGE"):
        run("pad-fix", x, (1, 2), {"paddings": [0, 0, 1, 0], "mode": "EDGE"})


@pytest.mark.parametrize(
    ("begin", "end", "step", "expected"),
    [
        (0, 5, 1, [1, 2, 3, 4, 5]),
        (1, 4, 1, [2, 3, 4]),
        (0, 5, 2, [1, 3, 5]),
        (1, 5, 2, [2, 4]),
        (-2, 5, 1, [4, 5]),
        (0, -1, 1, [1, 2, 3, 4]),
        (0, 99, 3, [1, 4]),
        (4, 0, -1, [5, 4, 3, 2]),
        (-1, -9, -2, [5, 3, 1]),
    ],
)
def test_strided_slice_along_one_axis(begin: int, end: int, step: int, expected: list[int]) -> None:
    for axis in range(1, 4):
        begins, ends, steps, dims_in, dims = [0] * 4, [1] * 4, [1] * 4, [1] * 4, [1] * 4
        begins[axis], ends[axis], steps[axis] = begin, end, step
        dims_in[axis], dims[axis] = 5, len(expected)
        x = Tensor(tuple(dims_in), [1, 2, 3, 4, 5], 0)
        attrs = {"begin": begins, "end": ends, "strides": steps}
        assert run("strided_slice-fix", x, tuple(dims), attrs) == expected


def test_strided_slice_of_two_axes_and_another_fix_point() -> None:
    x = Tensor((1, 2, 3), [1, 3, 5, -1, -3, -5], 1)
    attrs = {"begin": [0, 0, 1], "end": [1, 2, 3], "strides": [1, 1, 1]}
    # 1.5, 2.5, -1.5, -2.5
    assert run("strided_slice-fix", x, (1, 2, 2), attrs, 0) == [2, 3, -1, -2]
    with pytest.raises(ValueError, match=r"dims must be \(1, 2, 2\), got \(1, 2, 3\)"):
        run("strided_slice-fix", x, (1, 2, 3), attrs, 0)


@pytest.mark.parametrize(
    ("axis", "dims", "expected"),
    [
        (2, (1, 2), [1, 0]),  # 3 in the middle; 9 three times
        (-1, (1, 2, 1), [1, 0]),
        (1, (1, 3), [1, 1, 1]),
        (1, (1, 1, 3), [1, 1, 1]),
        (0, (2, 3), [0] * 6),
    ],
)
def test_argmax_is_the_first_maximum(axis: int, dims: tuple[int, ...], expected: list[int]) -> None:
    x = Tensor((1, 2, 3), [-1, 3, 2, 9, 9, 9], 5)
    assert run("argmax-fix", x, dims, {"axis": axis}, fix_point=0) == expected


def test_argmax_is_at_most_127() -> None:
    codes = [0] * 126 + [1, 2, 3, 4]
    x = Tensor((1, 130, 2), [code for code in codes for _ in "ab"], 0)
    x.values[2 * 127 + 1] = 99
    assert run("argmax-fix", x, (1, 2), {"axis": 1}) == [127, 127]
    x.values[2 * 126] = 99
    assert run("argmax-fix", x, (1, 2), {"axis": 1}) == [126, 127]
    with pytest.raises(ValueError, match=r"dims must be \(1, 1, 2\), got \(1, 3\)"):
        run("argmax-fix", x, (1, 3), {"axis": 1})


@pytest.mark.parametrize(
    ("axis", "keep_dims", "dims", "expected"),
    [
        ([3], True, (1, 2, 2, 1), [2, -3, 6, 8]),
        ([-1], False, (1, 2, 2), [2, -3, 6, 8]),
        ([2], True, (1, 2, 1, 2), [1, 2, 7, 8]),
        ([1], False, (1, 2, 2), [5, 6, 7, 8]),
        ([1, 2], True, (1, 1, 1, 2), [7, 8]),
        ([2, 1], False, (1, 2), [7, 8]),
        ([1, 2, 3], False, (1,), [8]),
    ],
)
def test_reduction_max(
    axis: list[int], keep_dims: bool, dims: tuple[int, ...], expected: list[int]
) -> None:
    x = Tensor((1, 2, 2, 2), [1, 2, -3, -4, 5, 6, 7, 8], 0)
    attrs = {"axis": axis, "keep_dims": keep_dims}
    assert run("reduction_max-fix", x, dims, attrs) == expected


def test_reduction_max_rescales_and_checks_dims() -> None:
    x = Tensor((1, 2, 2), [5, 3, -5, -9], 1)
    attrs = {"axis": [2], "keep_dims": False}
    assert run("reduction_max-fix", x, (1, 2), attrs, 0) == [3, -2]  # 2.5, -2.5
    assert run("reduction_max-fix", x, (1, 2), attrs, 6) == [127, -128]
    with pytest.raises(ValueError, match=r"dims must be \(1, 2\), got \(1, 2, 1\)"):
        run("reduction_max-fix", x, (1, 2, 1), attrs, 0)
