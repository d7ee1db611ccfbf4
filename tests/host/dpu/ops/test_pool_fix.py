from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.dpu.ops.average import average_factor
from target.errors import ModelError
from tests.host.dpu.ops import naive
from tests.host.dpu.ops.naive import Window
from tests.host.small_graphs import run_op


def pool(
    x: np.ndarray, kind: str, fixes: tuple[int, int], window: Window, nonlinear: str = "NONE"
) -> np.ndarray:
    """Run pool-fix; `fixes` are those of input and output."""
    dims = (1, *window.out(*x.shape[1:3]), x.shape[-1])
    attrs = {**window.attrs(), "type": kind, "nonlinear": nonlinear}
    return run_op("pool-fix", dims, {"input": [(x, fixes[0])]}, fixes[1], **attrs)


def _map(*rows: list[int]) -> np.ndarray:
    return np.int8(rows).reshape(1, len(rows), -1, 1)


def test_maximum_of_negative_values_is_negative() -> None:
    # AMD's own CPU code starts at the smallest positive number and gives 0 here
    got = pool(_map([-5, -3], [-128, -4]), "MAX", (3, 3), Window((2, 2)))
    assert got.item() == -3


@pytest.mark.parametrize(
    ("pad", "expected"),
    [
        ((1, 0, 0, 0), [[-126, -125]]),
        ((0, 0, 0, 1), [[-125], [-125]]),
        ((2, 0, 1, 0), [[-128, -128, -127], [-128, -126, -125]]),  # the first window: padding only
    ],
    ids=["left", "bottom", "left-top"],
)
def test_padding_never_wins_a_maximum(
    pad: tuple[int, int, int, int], expected: list[list[int]]
) -> None:
    got = pool(_map([-128, -127], [-126, -125]), "MAX", (0, 0), Window((2, 2), pad=pad))
    np.testing.assert_array_equal(got[0, :, :, 0], expected)


@pytest.mark.parametrize(
    ("fixes", "code"), [((3, 3), -5), ((3, 2), -2), ((3, 1), -1), ((1, 3), -20), ((1, 7), -128)]
)
def test_maximum_moves_to_the_outputs_fix_point(fixes: tuple[int, int], code: int) -> None:
    assert pool(_map([-5, -9]), "MAX", fixes, Window((2, 1))).item() == code  # -2.5, -1.25 round up


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ([1, 2, 3, 4], 3),
        ([1, 1, 1, 3], 2),
        ([-1, -1, -1, -3], -1),
        ([0, 0, 0, 1], 0),
        ([0, 0, 1, 1], 1),
    ],
    ids=["2.5", "1.5", "-1.5", "0.25", "0.5"],
)
def test_average_of_2x2_rounds_half_up(values: list[int], code: int) -> None:
    assert pool(_map(values[:2], values[2:]), "AVG", (0, 0), Window((2, 2))).item() == code


def test_average_of_3x3_is_7_64ths_of_the_sum() -> None:
    x = np.full((1, 3, 3, 1), 127, np.int8)
    assert pool(x, "AVG", (0, 0), Window((3, 3))).item() == 125  # 1143 * 7 / 64 = 125.02
    assert pool(x, "AVG", (7, 7), Window((3, 3))).item() == 125


def test_average_of_7x7_can_exceed_the_maximum() -> None:
    x = np.full((1, 7, 7, 1), 127, np.int8)
    assert pool(x, "AVG", (0, 0), Window((7, 7))).item() == 127  # 6223 * 21 / 1024 = 127.6
    x[:] = 100
    assert pool(x, "AVG", (0, 0), Window((7, 7))).item() == 100  # 100.49
    assert pool(x, "AVG", (0, 1), Window((7, 7))).item() == 127  # 200.98


def test_average_counts_padding_as_zero() -> None:
    got = pool(_map([4, 8]), "AVG", (0, 0), Window((2, 1), pad=(1, 0, 0, 0)))
    np.testing.assert_array_equal(got.reshape(-1), [2, 6])


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_fast_is_naive(data: st.DataObject) -> None:
    kernel = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    window = Window(
        kernel,
        (data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))),
        pad=tuple(data.draw(st.integers(0, 2)) for _ in range(4)),  # type: ignore[arg-type]
    )
    generator = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    x = generator.integers(-128, 128, (2, data.draw(st.integers(5, 7)), 5, 2), dtype=np.int8)
    fixes = data.draw(st.integers(-3, 8)), data.draw(st.integers(-3, 8))
    kind = data.draw(st.sampled_from(["MAX", "AVG"]))
    count, bits = average_factor(kernel[1], kernel[0])
    np.testing.assert_array_equal(
        pool(x, kind, fixes, window),
        naive.pool(x, kind, fixes, window, Fraction(count, 2**bits)),
    )


@pytest.mark.parametrize("kind", ["MAX", "AVG"])
def test_pool_with_a_relu(kind: str) -> None:
    got = pool(_map([-8, -4, 4, 8]), kind, (0, 0), Window((2, 1), (2, 1)), "RELU")
    np.testing.assert_array_equal(got.reshape(-1), [0, 8 if kind == "MAX" else 6])


def test_input_is_not_changed() -> None:
    x = _map([-8, -4], [4, 8])
    before = x.copy()
    for kind in ("MAX", "AVG"):
        pool(x, kind, (0, 0), Window((2, 2)))
        pool(x, kind, (0, 3), Window((1, 1)))
    np.testing.assert_array_equal(x, before)


def test_refuses_another_type() -> None:
    with pytest.raises(ModelError, match="type of op 'it' must be MAX or AVG, got 'MIN'"):
        pool(_map([1]), "MIN", (0, 0), Window((1, 1)))
