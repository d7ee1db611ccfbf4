from __future__ import annotations

import numpy as np
import pytest

from host.dpu.emulator import Emulator
from host.graph.graph import Graph, Op, Tensor, const
from host.graph.passes.batchnorm_to_depthwise import batchnorm_to_depthwise
from host.graph.passes.fold_batchnorm import batchnorm_scale, fold_batchnorm
from tests.host.small_graphs import add_conv, add_data, add_op


def _add_batchnorm(graph: Graph, source: str, channels: int) -> Op:
    """Gamma 2, 3, ...; beta 1; mean 0.5; variance 3.75 and epsilon 0.25, so that the root is 2."""
    parts = {
        "gamma": np.arange(channels) + 2,
        "beta": np.ones(channels),
        "moving_mean": np.full(channels, 0.5),
        "moving_var": np.full(channels, 3.75),
    }
    args = {role: [graph.add(const(f"bn/{role}", v)).name] for role, v in parts.items()}
    tensor = Tensor("bn", graph.op(source).tensor.dims)
    return graph.add(Op("bn", "batchnorm", tensor, {"input": [source], **args}, {"epsilon": 0.25}))


def _graph(kind: str, bias: bool) -> Graph:
    graph = Graph("g")
    if kind == "inner-product":
        add_data(graph, (1, 2))
        weights = np.array([[1, 2], [3, 4]])
    else:
        add_data(graph, (1, 2, 2, 2))
        weights = np.array([[1, 2], [3, 4]]).reshape(2, 1, 1, 2)
        weights = weights[:1] if kind == "depthwise-conv2d" else weights
    add_conv(graph, "conv", "image", weights, np.array([0.5, -1]) if bias else None, kind)
    _add_batchnorm(graph, "conv", 2)
    return graph


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no-bias"])
@pytest.mark.parametrize("kind", ["conv2d", "depthwise-conv2d", "inner-product"])
def test_fold_batchnorm_scales_weights_and_makes_a_bias(kind: str, bias: bool) -> None:
    graph = _graph(kind, bias)
    add_op(graph, "relu", "relu", ["bn"])
    assert fold_batchnorm(graph) == 1
    # scales 2/2 = 1 and 3/2; bias beta + (b - mean) * scale
    expected = {
        "conv2d": [[1, 2], [4.5, 6]],
        "inner-product": [[1, 2], [4.5, 6]],
        "depthwise-conv2d": [[1, 3]],
    }[kind]
    conv = graph.op("conv")
    np.testing.assert_array_equal(
        graph.data_of(conv, "weights").reshape(-1, 2), np.float32(expected)
    )
    np.testing.assert_array_equal(
        graph.data_of(conv, "bias"), np.float32([1, -1.25] if bias else [0.5, 0.25])
    )
    assert [op.name for op in graph] == ["image", "conv/kernel", "conv/bias", "conv", "relu"]
    assert graph.op("relu").args == {"input": ["conv"]}


def test_fold_batchnorm_keeps_the_original_arrays() -> None:
    graph = _graph("conv2d", True)
    before = graph.op("conv/kernel").data
    assert before is not None
    values = before.copy()
    fold_batchnorm(graph.copy())
    np.testing.assert_array_equal(before, values)


def test_fold_batchnorm_at_the_end_leaves_the_convolution_as_output() -> None:
    graph = _graph("conv2d", False)
    fold_batchnorm(graph)
    assert [op.name for op in graph.outputs()] == ["conv"]


@pytest.mark.parametrize("between", ["relu", "second-user"])
def test_fold_batchnorm_leaves_what_it_cannot_fold(between: str) -> None:
    graph = _graph("conv2d", True)
    if between == "relu":
        add_op(graph, "relu", "relu", ["conv"])
        graph.op("bn").args["input"] = ["relu"]
    else:
        add_op(graph, "other", "relu", ["conv"])
    graph.sort()
    assert fold_batchnorm(graph) == 0
    assert graph.op("bn").type == "batchnorm"


def test_batchnorm_scale_is_gamma_over_root() -> None:
    graph = _graph("conv2d", True)
    scale = batchnorm_scale(graph, graph.op("bn"))
    assert scale.dtype == np.float32
    np.testing.assert_array_equal(scale, [1, 1.5])


def test_both_ways_compute_the_same_function() -> None:
    folded, converted = _graph("conv2d", True), _graph("conv2d", True)
    fold_batchnorm(folded)
    batchnorm_to_depthwise(converted)
    images = np.random.default_rng(1).normal(size=(3, 2, 2, 2)).astype(np.float32)
    a = Emulator(folded).run({"image": images})["conv"]
    b = Emulator(converted).run({"image": images})["bn"]
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
