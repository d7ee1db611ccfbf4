from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target.errors import ModelError
from tests.host.dpu.ops import naive
from tests.host.dpu.ops.naive import Window
from tests.host.small_graphs import run_op


def depthwise(
    x: np.ndarray,
    weights: np.ndarray,
    bias: np.ndarray | None,
    fixes: tuple[int, int, int, int],
    window: Window,
    nonlinear: str = "NONE",
) -> np.ndarray:
    """Run depthwise-conv2d-fix; `fixes` are those of input, weights, bias, output."""
    inputs = {"input": [(x, fixes[0])], "weights": [(weights, fixes[1])]}
    if bias is not None:
        inputs["bias"] = [(bias, fixes[2])]
    dims = (1, *window.out(*x.shape[1:3]), x.shape[-1])
    attrs = {**window.attrs(), "nonlinear": nonlinear}
    return run_op("depthwise-conv2d-fix", dims, inputs, fixes[3], **attrs)


def test_a_depthwise_convolution_by_hand() -> None:
    x = np.int8([[[1, 10], [2, 20]], [[3, 30], [4, 40]]]).reshape(1, 2, 2, 2)
    weights = np.int8([[[1, -1], [0, 2]], [[2, 0], [-1, 1]]]).reshape(1, 2, 2, 2)
    # channel 0: 1*1 + 0*2 + 2*3 - 1*4 = 3; channel 1: -10 + 40 + 0 + 40 = 70
    got = depthwise(x, weights, None, (0, 0, 0, 0), Window((2, 2)))
    np.testing.assert_array_equal(got.reshape(-1), [3, 70])


def test_a_batch_norm_with_a_negative_shift_bias() -> None:
    # (x * w) / 2 + b / 8 at fix point 0: 1.5 - 0.125, 2.5 + 0.125, 0.5 + 0 (tie, up), -0.5 (up)
    x = np.int8([[[[3, 5, 1, -1]]]])
    bias = np.int8([-1, 1, 0, 0])
    got = depthwise(x, np.ones((1, 1, 1, 4), np.int8), bias, (0, 1, 3, 0), Window((1, 1)))
    np.testing.assert_array_equal(got.reshape(-1), [1, 3, 1, 0])


@pytest.mark.parametrize(
    ("x", "w", "code"), [(127, 127, 127), (-128, 127, -128), (-128, -128, 127)]
)
def test_saturates(x: int, w: int, code: int) -> None:
    one = np.int8([[[[x]]]])
    got = depthwise(one, np.int8([[[[w]]]]), None, (0, 0, 0, 0), Window((1, 1)))
    assert got.item() == code


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_fast_is_naive(data: st.DataObject) -> None:
    small = st.integers(1, 3)
    window = Window(
        (data.draw(small), data.draw(small)),
        (data.draw(small), data.draw(small)),
        (data.draw(st.integers(1, 2)), data.draw(st.integers(1, 2))),
        tuple(data.draw(st.integers(0, 3)) for _ in range(4)),  # type: ignore[arg-type]
    )
    height, width, channels = (data.draw(st.integers(5, 7)) for _ in range(3))
    generator = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    x = generator.integers(-128, 128, (2, height, width, channels), dtype=np.int8)
    shape = (1, window.kernel[1], window.kernel[0], channels)
    weights = generator.integers(-128, 128, shape, dtype=np.int8)
    bias = (
        generator.integers(-128, 128, channels, dtype=np.int8) if data.draw(st.booleans()) else None
    )
    fixes = tuple(data.draw(st.integers(-4, 12)) for _ in range(4))
    nonlinear = data.draw(st.sampled_from(["NONE", "RELU", "RELU6", "LEAKYRELU"]))
    np.testing.assert_array_equal(
        depthwise(x, weights, bias, fixes, window, nonlinear),  # type: ignore[arg-type]
        naive.convolve(x, weights, bias, fixes, window, nonlinear, depthwise=True),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("shape", [(1, 1, 1, 3), (1, 2, 1, 2)], ids=str)
def test_refuses_weights_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match=r"weights of op 'it' must be \['m', 1, 1, 2\], got"):
        x = np.ones((1, 1, 1, 2), np.int8)
        depthwise(x, np.ones(shape, np.int8), None, (0, 0, 0, 0), Window((1, 1)))
