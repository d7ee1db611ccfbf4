"""Tests of upsample-fix and downsample-fix by hand.

Must not import host, target or numpy.
Source: AMD's cpu_task (upsample-fix).
"""

from __future__ import annotations

import pytest

from tests.literal.made import run
from tests.literal.ops import Tensor

PLAIN: dict[str, bool] = {}
CORNERS = {"align_corners": True}
CENTERS = {"half_pixel_centers": True}
BOTH = {**CORNERS, **CENTERS}


@pytest.mark.parametrize("kind", ["upsample-fix", "downsample-fix"])
@pytest.mark.parametrize("axis", ["h", "w"])
@pytest.mark.parametrize(
    ("mode", "how", "codes", "expected"),
    [
        ("NEAREST", PLAIN, [10, 20], [10, 10, 20, 20]),  # 0, 0.5, 1, 1.5
        ("NEAREST", CORNERS, [10, 20], [10, 10, 20, 20]),  # 0, 0.33, 0.67, 1
        ("NEAREST", CENTERS, [10, 20], [10, 10, 10, 20]),  # -0.25, 0.25, 0.75, 1.25
        ("NEAREST", PLAIN, [10, 20], [10, 10, 20]),  # 0, 0.67, 1.33
        ("NEAREST", CORNERS, [10, 20], [10, 20, 20]),  # 0, 0.5, 1
        ("NEAREST", PLAIN, [1, 2, 3], [1, 2]),  # 0, 1.5
        ("NEAREST", CORNERS, [1, 2, 3], [1, 3]),  # 0, 2
        ("NEAREST", CENTERS, [1, 2, 3, 4, 5], [1, 4]),  # 0.75, 3.25
        ("NEAREST", PLAIN, [1, 2, 3], [1]),
        ("NEAREST", CORNERS, [1, 2, 3], [1]),  # one pixel only: no corners to align
        ("NEAREST", CENTERS, [1, 2, 3], [2]),
        ("NEAREST", CORNERS, [7], [7, 7, 7]),
        ("NEAREST", BOTH, [7], [7, 7, 7]),  # -0.5 throughout
        ("NEAREST", BOTH, [1, 2, 3, 4, 5], [3, 5]),  # 1.5 and 5.5
        ("BILINEAR", PLAIN, [0, 100], [0, 50, 100, 100]),  # 0, 0.5, 1, 1.5
        ("BILINEAR", CORNERS, [0, 100], [0, 50, 100]),
        ("BILINEAR", CENTERS, [0, 100], [0, 25, 75, 100]),  # -0.25, 0.25, 0.75, 1.25
        ("BILINEAR", CORNERS, [-128, 127], [-128, -43, 42, 127]),
        ("BILINEAR", PLAIN, [0, 1], [0, 1, 1, 1]),  # 0.5 goes up
        ("BILINEAR", PLAIN, [0, -1], [0, 0, -1, -1]),  # -0.5 as well
        ("BILINEAR", PLAIN, [1, 2, 4], [1, 3]),  # 1.5: 2 and 4
        ("BILINEAR", CENTERS, [0, 8, 20, 100], [4, 60]),  # 0.5, 2.5
        ("BILINEAR", CENTERS, [1, 2, 4], [2]),
        ("BILINEAR", BOTH, [1, 2, 3, 4, 50], [3, 50]),  # 1.5: 2.5; 5.5 is beyond the last
        ("BILINEAR", PLAIN, [7], [7, 7]),
    ],
)
def test_along_one_axis(
    kind: str, axis: str, mode: str, how: dict[str, bool], codes: list[int], expected: list[int]
) -> None:
    n, out = len(codes), len(expected)
    dims_in, dims = (
        ((1, n, 1, 1), (1, out, 1, 1)) if axis == "h" else ((1, 1, n, 1), (1, 1, out, 1))
    )
    assert run(kind, Tensor(dims_in, codes, 0), dims, {"mode": mode, **how}) == expected


def test_both_axes_mix_before_one_rounding() -> None:
    x = Tensor((1, 2, 2, 1), [0, 10, 20, 71], 0)
    attrs = {"mode": "BILINEAR", "align_corners": True}
    # the middle is (0 + 10 + 20 + 71) / 4 = 25.25; the edges 5, 10, 40.5, 45.5
    expected = [0, 5, 10, 10, 25, 41, 20, 46, 71]
    assert run("upsample-fix", x, (1, 3, 3, 1), attrs) == expected
    expected = [0, 10, 20, 20, 51, 81, 40, 91, 127]  # 50.5; twice 40.5, 45.5 and 71
    assert run("upsample-fix", x, (1, 3, 3, 1), attrs, 1) == expected


def test_fix_points_are_part_of_the_one_rounding() -> None:
    x = Tensor((1, 1, 2, 1), [0, 1], 0)
    assert run("upsample-fix", x, (1, 1, 4, 1), {"mode": "BILINEAR"}, 1) == [0, 1, 2, 2]
    x = Tensor((1, 1, 2, 1), [3, -3], 1)
    # 1.5, 0, -1.5, -1.5
    assert run("upsample-fix", x, (1, 1, 4, 1), {"mode": "BILINEAR"}, 0) == [2, 0, -1, -1]
    assert run("upsample-fix", x, (1, 1, 4, 1), {"mode": "NEAREST"}, 0) == [2, 2, -1, -1]
    x = Tensor((1, 1, 2, 1), [100, -100], 1)
    assert run("downsample-fix", x, (1, 1, 1, 1), {"mode": "NEAREST"}, 2) == [127]


def test_channels_stay_apart() -> None:
    x = Tensor((1, 1, 2, 2), [1, -10, 3, -30], 0)
    got = run("upsample-fix", x, (1, 1, 4, 2), {"mode": "BILINEAR"})
    assert got == [1, -10, 2, -20, 3, -30, 3, -30]
    got = run("upsample-fix", x, (1, 2, 2, 2), {"mode": "NEAREST"})
    assert got == [1, -10, 3, -30, 1, -10, 3, -30]


def test_rejects() -> None:
    x = Tensor((1, 1, 2, 1), [1, 2], 0)
    with pytest.raises(NotImplementedError, match="NEAREST or BILINEAR, got BICUBIC"):
        run("upsample-fix", x, (1, 1, 4, 1), {"mode": "BICUBIC"})
    with pytest.raises(ValueError, match=r"channels must be \(1, 1\), got \(1, 2\)"):
        run("upsample-fix", x, (1, 1, 4, 2), {"mode": "NEAREST"})
