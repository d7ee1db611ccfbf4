"""The float ops by hand; their agreement with Keras is tested in tests/host/graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from host.dpu.ops.table import OPS
from target.errors import ModelError
from tests.host.small_graphs import WINDOW, run_op


def _one(
    kind: str, *values: float, dims: tuple[int, ...] | None = None, **attrs: Any
) -> np.ndarray:
    x = np.float32([values])
    return run_op(kind, dims or (1, len(values)), {"input": [(x, 0)]}, None, **attrs)


@pytest.mark.parametrize(
    ("kind", "attrs", "expected"),
    [
        ("relu", {}, [0, 0, 2, 8]),
        ("relu6", {}, [0, 0, 2, 6]),
        ("leaky-relu", {"alpha": 0.25}, [-1, 0, 2, 8]),
        ("hard-sigmoid", {}, [0, 3 * 2731 / 16384, 5 * 2731 / 16384, 6 * 2731 / 16384]),
        ("sigmoid", {}, [1 / (1 + np.exp(4)), 0.5, 1 / (1 + np.exp(-2)), 1 / (1 + np.exp(-8))]),
    ],
)
def test_activations(kind: str, attrs: dict[str, float], expected: list[float]) -> None:
    got = _one(kind, -4, 0, 2, 8, **attrs)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got[0], np.float32(expected), rtol=1e-6)


def test_sigmoid_of_large_numbers_does_not_overflow() -> None:
    np.testing.assert_array_equal(_one("sigmoid", -1e4, 1e4)[0], [0, 1])


def test_softmax_does_not_overflow() -> None:
    np.testing.assert_allclose(_one("softmax", 1000, 1000, -1000)[0], [0.5, 0.5, 0])


@pytest.mark.parametrize("kind", ["upload", "download", "reshape-fix", "reshape", "flatten"])
def test_identity_keeps_row_major_order_and_the_batch(kind: str) -> None:
    x = np.arange(24, dtype=np.int8).reshape(2, 2, 3, 2)
    got = run_op(kind, (1, 12), {"input": [(x, 0)]}, 0)
    np.testing.assert_array_equal(got, np.arange(24).reshape(2, 12))
    with pytest.raises(ModelError, match=r"tensor of op 'it' must have dims \[1, 11\], got \[2, 2"):
        run_op(kind, (1, 11), {"input": [(x, 0)]}, 0)


def test_pad_is_left_right_top_bottom() -> None:
    x = np.ones((1, 1, 2, 1), np.float32)
    got = run_op("pad", (1, 4, 5, 1), {"input": [(x, 0)]}, None, pad=[2, 1, 0, 3])
    np.testing.assert_array_equal(got[0, :, :, 0], [[0, 0, 1, 1, 0], [0] * 5, [0] * 5, [0] * 5])


@pytest.mark.parametrize(("kind", "expected"), [("ADD", 9.0), ("MUL", 24.0)])
def test_eltwise_takes_any_number_of_inputs(kind: str, expected: float) -> None:
    inputs = {"input": [(np.float32([[value]]), 0) for value in (2, 3, 4)]}
    assert run_op("eltwise", (1, 1), inputs, None, type=kind).item() == expected
    with pytest.raises(ModelError, match="type of op 'it' must be ADD or MUL, got 'SUB'"):
        run_op("eltwise", (1, 1), inputs, None, type="SUB")


def test_average_of_a_factor_counts_padding_as_the_dpu_does() -> None:
    x = np.float32([3, 5]).reshape(1, 1, 2, 1)
    attrs = {**WINDOW, "kernel": [2, 1], "pad": [1, 0, 0, 0]}
    inputs = {"input": [(x, 0)]}
    plain = run_op("avgpool2d", (1, 1, 2, 1), inputs, None, **attrs)
    np.testing.assert_array_equal(plain.reshape(-1), [3, 4])  # Keras leaves padding out
    dpu = run_op("avgpool2d", (1, 1, 2, 1), inputs, None, dpu_factor=[1, 1], **attrs)
    np.testing.assert_array_equal(dpu.reshape(-1), [1.5, 4])


@pytest.mark.parametrize(
    ("mode", "codes"),
    [
        ("DPU_ROUND", [3, -2, 127, -128]),
        ("PY3_ROUND", [2, -2, 127, -128]),
        ("STD_ROUND", [3, -3, 127, -128]),
    ],
)
def test_float2fix_and_fix2float(mode: str, codes: list[int]) -> None:
    attrs = {"fix_point": 1, "round_mode": mode}
    got = _one("float2fix", 1.25, -1.25, 1000, -1000, **attrs)
    assert got.dtype == np.int8
    np.testing.assert_array_equal(got[0], codes)
    back = run_op("fix2float", (1, 4), {"input": [(got, 1)]}, None, **attrs)
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back[0], np.float32(codes) / 2)
    np.testing.assert_array_equal(_one("fix", 1.25, -1.25, 1000, -1000, **attrs), back)


@pytest.mark.parametrize("fix_point", [127, -127, 2**31, "6", None], ids=str)
@pytest.mark.parametrize("kind", ["fix", "fix2float", "float2fix"])
def test_absurd_fix_points_are_refused(kind: str, fix_point: object) -> None:
    with pytest.raises(ModelError, match="fix_point"):
        _one(kind, 1.0, fix_point=fix_point)


@pytest.mark.parametrize("count", [0, 2])
def test_ops_of_one_input_refuse_others(count: int) -> None:
    inputs = {"input": [(np.zeros((1, 1), np.float32), 0)] * count}
    with pytest.raises(ModelError, match=f"op 'it' must have one 'input', got {count}"):
        run_op("relu", (1, 1), inputs, None)


def test_every_op_of_the_table_is_documented() -> None:
    assert all(function.__doc__ for function in OPS.values())
