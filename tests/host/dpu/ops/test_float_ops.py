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
        ("hard-sigmoid", {}, [0, 3 / 6, 5 / 6, 1]),
        ("hard-sigmoid", {"slope": 0.2, "offset": 0.5}, [0, 0.5, 0.9, 1]),
        (
            "hard-sigmoid",
            {"dpu_factor": [2731, 14]},
            [0, 3 * 2731 / 16384, 5 * 2731 / 16384, 6 * 2731 / 16384],
        ),
        ("hard-tanh", {}, [-1, 0, 1, 1]),
        ("hard-swish", {}, [0, 0, 5 / 3, 8]),
        ("neg", {}, [4, 0, -2, -8]),
        ("exp", {}, np.exp([-4, 0, 2, 8])),
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
    got = run_op(
        "pad",
        (1, 4, 5, 1),
        {"input": [(x, 0)]},
        None,
        paddings=[0, 0, 0, 3, 2, 1, 0, 0],
        mode="CONSTANT",
    )
    np.testing.assert_array_equal(got[0, :, :, 0], [[0, 0, 1, 1, 0], [0] * 5, [0] * 5, [0] * 5])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("add", 9), ("mul", 24), ("sub", -5), ("div", 2 / 3 / 4), ("min", 2), ("max", 4)],
)
def test_arithmetic_takes_any_number_of_inputs(kind: str, expected: float) -> None:
    inputs = {"input": [(np.float32([[value]]), 0) for value in (2, 3, 4)]}
    assert run_op(kind, (1, 1), inputs, None).item() == np.float32(expected)


def test_arithmetic_broadcasts_to_the_ops_own_dims_alone() -> None:
    row, column = np.float32([[1, 2]]), np.float32([[3]])
    inputs = {"input": [(row, 0), (column, 0)]}
    np.testing.assert_array_equal(run_op("add", (1, 2), inputs, None), [[4, 5]])
    with pytest.raises(ModelError, match=r"inputs of op 'it' must broadcast to \[1, 3\], got"):
        run_op("add", (1, 3), inputs, None)


@pytest.mark.parametrize(
    ("attrs", "expected"),
    [
        ({}, [1.5, 4]),  # XIR counts padding unless told otherwise
        ({"count_include_pad": False}, [3, 4]),  # Keras leaves it out
        ({"dpu_factor": [3, 2]}, [2.25, 6]),  # sum * 3 / 4
        ({"dpu_factor": [3, 2], "count_include_pad": False}, [4.5, 6]),  # mean * 2 * 3 / 4
    ],
    ids=["counted", "left out", "factor, counted", "factor, left out"],
)
def test_average_with_padding(attrs: dict[str, Any], expected: list[float]) -> None:
    x = np.float32([3, 5]).reshape(1, 1, 2, 1)
    window = {**WINDOW, "kernel": [2, 1], "pad": [1, 0, 0, 0]}
    got = run_op("avgpool2d", (1, 1, 2, 1), {"input": [(x, 0)]}, None, **window, **attrs)
    np.testing.assert_array_equal(got.reshape(-1), expected)


def test_a_pool_rounded_up_hangs_over_the_edge() -> None:
    x = np.float32([1, 2, 3, 4, 9]).reshape(1, 1, 5, 1)
    window = {**WINDOW, "kernel": [2, 1], "stride": [2, 1]}
    got = run_op("maxpool2d", (1, 1, 3, 1), {"input": [(x, 0)]}, None, **window)
    np.testing.assert_array_equal(got.reshape(-1), [2, 4, 9])


def test_matmul_of_flipped_matrices_with_a_bias() -> None:
    first, second = np.float32([[[1, 2], [3, 4]]]), np.float32([[5, 6], [7, 8]])
    inputs = {"input": [(first, 0), (second, 0)], "bias": [(np.float32([1, 0]), 0)]}
    got = run_op("matmul", (1, 2, 2), inputs, None, transpose_b=True)
    np.testing.assert_array_equal(got[0], [[18, 23], [40, 53]])
    with pytest.raises(ModelError, match="inputs of op 'it' must be matrices that fit, got"):
        run_op("matmul", (1, 2, 2), {"input": [(first, 0), (np.ones((3, 1)), 0)]}, None)


def test_transpose_slice_and_reductions() -> None:
    x = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    inputs = {"input": [(x, 0)]}
    turned = run_op("transpose", (1, 3, 2), inputs, None, order=[0, 2, 1])
    np.testing.assert_array_equal(turned[0], x[0].T)
    cut = {"begin": [0, 0, 1], "end": [1, 2, 3], "strides": [1, 1, 2]}
    np.testing.assert_array_equal(
        run_op("strided_slice", (1, 2, 1), inputs, None, **cut)[0], [[1], [4]]
    )
    np.testing.assert_array_equal(run_op("argmax", (1, 2), inputs, None, axis=2)[0], [2, 2])
    for kind, expected in (("max", 5), ("sum", 15), ("mean", 2.5)):
        got = run_op(f"reduction_{kind}", (1, 1, 1), inputs, None, axis=[1, 2], keep_dims=True)
        assert got.item() == expected


@pytest.mark.parametrize(
    ("kind", "attrs", "message"),
    [
        ("transpose", {"order": [1, 0, 2]}, "order of op 'it' must name the axes 0..2, 0 first"),
        ("strided_slice", {"begin": [1, 0, 0], "end": [1, 2, 3]}, "the batch taken whole"),
        ("argmax", {"axis": 0}, "axis of op 'it' must be of 1..2"),
        ("reduction_sum", {"axis": [3]}, "axis of op 'it' must be of 1..2"),
        ("pad", {"paddings": [0, 0, -1, 0, 0, 0]}, "paddings of op 'it' must be two sizes"),
        ("pad", {"paddings": [0] * 6, "mode": "WRAP"}, "paddings of op 'it' must be .* WRAP"),
        ("pad", {"paddings": [0, 0, 1 << 40, 0, 0, 0]}, "tensor of op 'it' must have dims"),
        ("softmax", {"axis": 3}, "axis of op 'it' must be of 1..2"),
    ],
)
def test_impossible_attributes(kind: str, attrs: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        run_op(kind, (1, 2, 3), {"input": [(np.ones((1, 2, 3), np.float32), 0)]}, None, **attrs)


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
