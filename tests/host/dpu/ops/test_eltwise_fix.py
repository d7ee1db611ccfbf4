from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target.errors import ModelError
from tests.host.dpu.ops import naive
from tests.host.small_graphs import run_op


def eltwise(
    inputs: list[np.ndarray], kind: str, fix_in: list[int], fix_out: int, nonlinear: str = "NONE"
) -> np.ndarray:
    """Run eltwise-fix."""
    pairs = list(zip(inputs, fix_in))
    attrs = {"type": kind, "nonlinear": nonlinear}
    return run_op("eltwise-fix", (1, *inputs[0].shape[1:]), {"input": pairs}, fix_out, **attrs)


def _row(*codes: int) -> np.ndarray:
    return np.int8([codes])


@pytest.mark.parametrize(
    ("a", "b", "kind", "fix_in", "fix_out", "expected"),
    [
        # 3/2 + 1/4 = 1.75; -3/2 + 1/4 = -1.25 at fix point 1: 3.5 -> 4, -2.5 -> -2
        (_row(3, -3), _row(1, 1), "ADD", [1, 2], 1, [4, -2]),
        (_row(127, -128), _row(127, -128), "ADD", [0, 0], 0, [127, -128]),
        (_row(127, -128), _row(1, -1), "ADD", [0, 0], -1, [64, -64]),  # 64, -64.5
        (_row(1, -1), _row(0, 0), "ADD", [1, 0], 0, [1, 0]),  # 0.5, -0.5
        (_row(5, -5), _row(3, 3), "MUL", [1, 2], 2, [8, -7]),  # 15/8 at 2: 7.5, -7.5
        (_row(127, -128), _row(127, 127), "MUL", [0, 0], 0, [127, -128]),
        (_row(-128, -128), _row(-128, 127), "MUL", [7, 7], 7, [127, -127]),  # 128, -127
    ],
    ids=["ties", "saturate", "negative-fix", "half", "mul-ties", "mul-saturate", "mul-edge"],
)
def test_by_hand(
    a: np.ndarray, b: np.ndarray, kind: str, fix_in: list[int], fix_out: int, expected: list[int]
) -> None:
    got = eltwise([a, b], kind, fix_in, fix_out)
    assert got.dtype == np.int8
    np.testing.assert_array_equal(got[0], expected)


@pytest.mark.parametrize(
    ("nonlinear", "expected"), [("NONE", [-6, 8]), ("RELU", [0, 8]), ("RELU6", [0, 6])]
)
def test_nonlinearities(nonlinear: str, expected: list[int]) -> None:
    got = eltwise([_row(-4, 5), _row(-2, 3)], "ADD", [0, 0], 0, nonlinear)
    np.testing.assert_array_equal(got[0], expected)


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 2**32),
    st.lists(st.integers(-15, 20), min_size=1, max_size=4),
    st.integers(-15, 20),
    st.sampled_from(["ADD", "MUL"]),
    st.sampled_from(["NONE", "RELU", "RELU6"]),
)
def test_fast_is_naive(
    seed: int, fix_in: list[int], fix_out: int, kind: str, nonlinear: str
) -> None:
    generator = np.random.default_rng(seed)
    inputs = [generator.integers(-128, 128, (2, 3, 2, 2), dtype=np.int8) for _ in fix_in]
    if kind == "MUL" and abs(fix_out - sum(fix_in)) > 60:
        return
    np.testing.assert_array_equal(
        eltwise(inputs, kind, fix_in, fix_out, nonlinear),
        naive.eltwise(inputs, kind, fix_in, fix_out, nonlinear),
    )


def test_sums_that_do_not_fit_are_refused() -> None:
    # 3/2 and -2**-59: a float64 sum would be 1.5 and round up; exactly it is below and rounds down
    with pytest.raises(ModelError, match="sums of op 'it' must fit 53 bits, got"):
        eltwise([_row(3), _row(-1)], "ADD", [1, 59], 0)


@pytest.mark.parametrize(
    ("inputs", "kind", "message"),
    [
        (
            [_row(1), _row(1, 2)],
            "ADD",
            r"inputs of op 'it' must broadcast to \[1, 1\], got",
        ),
        ([_row(1), _row(1)], "SUB", "type of op 'it' must be ADD or MUL, got 'SUB'"),
    ],
    ids=["shapes", "type"],
)
def test_refuses(inputs: list[np.ndarray], kind: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        eltwise(inputs, kind, [0, 0], 0)


def test_refuses_no_inputs() -> None:
    with pytest.raises(ModelError, match="inputs of op 'it' must broadcast to"):
        run_op("eltwise-fix", (1, 1), {}, 0, type="ADD")
