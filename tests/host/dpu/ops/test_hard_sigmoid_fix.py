from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from target.errors import ModelError
from tests.host.dpu.ops import naive
from tests.host.small_graphs import run_op


def _run(codes: np.ndarray, fix_in: int, fix_out: int) -> np.ndarray:
    return run_op("hard-sigmoid-fix", (1, len(codes)), {"input": [(codes[None], fix_in)]}, fix_out)[
        0
    ]


def test_by_hand() -> None:
    # at 4: -3, 0, 3 and beyond; clip(x + 3, 0, 6) * 2731 / 16384 is 0, 0.50006, 1.00012
    got = _run(np.int8([-128, -48, 0, 48, 127]), 4, 6)
    np.testing.assert_array_equal(got, [0, 0, 32, 64, 64])
    assert _run(np.int8([127]), 4, 7).item() == 127  # 128.02 does not fit


@pytest.mark.parametrize("fix_out", [3, 6, 7, 8, 20])
@pytest.mark.parametrize("fix_in", [-2, 0, 3, 4, 5, 7, 15])
def test_every_code_is_exact(fix_in: int, fix_out: int) -> None:
    codes = np.arange(-128, 128).astype(np.int8)
    expected = []
    for code in codes:
        shifted = min(max(int(code) * naive.power(-fix_in) + 3, Fraction(0)), Fraction(6))
        expected.append(naive.to_code(shifted * Fraction(2731, 2**14), fix_out))
    np.testing.assert_array_equal(_run(codes, fix_in, fix_out), expected)


def test_absurd_fix_point_is_refused() -> None:
    with pytest.raises(ModelError, match=r"fix_point of op 'it' must be within \+-60 bits, got 61"):
        _run(np.int8([1]), 61, 7)
