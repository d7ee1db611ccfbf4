from __future__ import annotations

import numpy as np
import pytest

from target.errors import ModelError
from tests.host.small_graphs import run_op


def concat(
    inputs: list[np.ndarray], fix_in: list[int], fix_out: int, axis: object, dims: tuple[int, ...]
) -> np.ndarray:
    """Run concat-fix."""
    return run_op("concat-fix", dims, {"input": list(zip(inputs, fix_in))}, fix_out, axis=axis)


def test_each_input_moves_to_the_outputs_fix_point() -> None:
    a, b = np.int8([[[[5, -5]]]]), np.int8([[[[3, 100, -100]]]])
    # 5/2 at 0: 2.5, -2.5; 3 at 0 stays
    got = concat([a, b], [1, 0], 0, 3, (1, 1, 1, 5))
    np.testing.assert_array_equal(got.reshape(-1), [3, -2, 3, 100, -100])
    got = concat([a, b], [1, 0], 1, 3, (1, 1, 1, 5))
    np.testing.assert_array_equal(got.reshape(-1), [5, -5, 6, 127, -128])


@pytest.mark.parametrize(
    ("axis", "dims"),
    [(1, (1, 4, 3, 2)), (2, (1, 2, 6, 2)), (3, (1, 2, 3, 4)), (-1, (1, 2, 3, 4))],
)
def test_axis_counts_the_batch(axis: int, dims: tuple[int, ...]) -> None:
    generator = np.random.default_rng(0)
    a, b = (generator.integers(-128, 128, (5, 2, 3, 2), dtype=np.int8) for _ in range(2))
    got = concat([a, b], [4, 4], 4, axis, dims)
    np.testing.assert_array_equal(got, np.concatenate([a, b], axis=axis))


@pytest.mark.parametrize(
    ("shapes", "axis", "message"),
    [
        ([(1, 2, 2, 1), (1, 3, 2, 1)], 3, "inputs of op 'it' must agree in all axes but 3, got"),
        ([(1, 4), (1, 1, 1, 4)], 1, "must agree in all axes but 1"),
        ([(1, 2, 2, 1)] * 2, 4, "must agree in all axes but 4"),
        ([(1, 2, 2, 1)] * 2, 0, "must agree in all axes but 0"),
        ([(1, 2, 2, 1)] * 2, [3], r"axis of op 'it' must be an integer, got \[3\]"),
        ([(1, 2, 2, 1)] * 2, None, "must have attribute 'axis', got none"),
        ([], 1, r"must agree in all axes but 1, got \[\]"),
    ],
    ids=["shape", "rank", "axis", "batch", "list", "missing", "none"],
)
@pytest.mark.parametrize("kind", ["concat-fix", "concat"])
def test_refuses(kind: str, shapes: list[tuple[int, ...]], axis: object, message: str) -> None:
    inputs = {"input": [(np.zeros(shape, np.int8), 0) for shape in shapes]}
    with pytest.raises(ModelError, match=message):
        run_op(kind, (1, 2, 2, 2), inputs, 0, axis=axis)
