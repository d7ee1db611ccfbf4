from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from target.errors import ModelError
from tests.host.small_graphs import WINDOW, run_op


def _pool(x: np.ndarray, dims: tuple[int, ...], **attrs: Any) -> np.ndarray:
    return run_op("maxpool2d", dims, {"input": [(x, 0)]}, None, **{**WINDOW, **attrs})


@pytest.mark.parametrize(
    ("attrs", "message"),
    [
        ({"kernel": [5, 1]}, "kernel of op 'it' must fit its padded input 4x4, got 1x5"),
        ({"kernel": [3, 1], "dilation": [2, 1]}, "must fit its padded input 4x4, got 1x5"),
        ({"kernel": [0, 1]}, r"kernel of op 'it' must be \[w, h\] of at least 1, got \[0, 1\]"),
        ({"kernel": [1]}, r"kernel of op 'it' must be \[w, h\] of at least 1, got \[1\]"),
        ({"kernel": 3}, "kernel of op 'it' must be a list of integers, got 3"),
        ({"kernel": ["a", "b"]}, r"kernel of op 'it' must be a list of integers, got \['a', 'b'\]"),
        ({"kernel": None}, r"op 'it' \(maxpool2d\) must have attribute 'kernel', got none"),
        ({"stride": [-1, 1]}, "stride of op 'it' must be .w, h. of at least 1"),
        ({"dilation": [1, 0]}, "dilation of op 'it' must be .w, h. of at least 1"),
        ({"pad": [0, 0, 0]}, r"pad of op 'it' must be four sizes, got \[0, 0, 0\]"),
        ({"pad": [0, -1, 0, 0]}, "pad of op 'it' must be four sizes of at least 0"),
        ({"pad": [0, 0, 0, 2**31 - 1]}, "tensor of op 'it' must have 2147483651x4 pixels by its"),
        ({"stride": [2, 2]}, r"must have 2x2 pixels by its window, got dims \[1, 4, 4, 1\]"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_impossible_windows_are_refused(attrs: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        _pool(np.zeros((1, 4, 4, 1), np.float32), (1, 4, 4, 1), **attrs)


def test_a_flat_input_is_refused() -> None:
    with pytest.raises(ModelError, match=r"input of op 'it' must be \(n, h, w, c\), got \[1, 4\]"):
        _pool(np.zeros((1, 4), np.float32), (1, 4))


def test_dilation_is_optional() -> None:
    x = np.float32([[1, 5], [2, 3]]).reshape(1, 2, 2, 1)
    inputs = {"input": [(x, 0)]}
    got = run_op("maxpool2d", (1, 1, 1, 1), inputs, None, kernel=[2, 2], stride=[1, 1])
    assert got.item() == 5


def test_a_kernel_reaches_the_last_row_and_no_further() -> None:
    x = np.arange(25, dtype=np.float32).reshape(1, 5, 5, 1)
    got = _pool(x, (1, 2, 1, 1), kernel=[2, 3], stride=[4, 2], dilation=[3, 1])
    # columns 0 and 3; rows 0-2 and 2-4
    np.testing.assert_array_equal(got.reshape(-1), [13, 23])
