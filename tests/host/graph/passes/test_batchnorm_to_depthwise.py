from __future__ import annotations

import numpy as np

from host.graph.graph import Graph, Op, Tensor, const
from host.graph.passes.batchnorm_to_depthwise import batchnorm_to_depthwise
from tests.host.small_graphs import add_data, add_op


def _graph(dims: tuple[int, ...]) -> Graph:
    graph = Graph("g")
    add_data(graph, dims)
    values = {"gamma": [2, 3], "beta": [1, 1], "moving_mean": [0.5, 4], "moving_var": [3.75, 0.75]}
    args = {role: [graph.add(const(f"bn/{role}", np.array(v))).name] for role, v in values.items()}
    attrs = {"epsilon": 0.25}
    graph.add(Op("bn", "batchnorm", Tensor("bn", dims), {"input": ["image"], **args}, attrs))
    add_op(graph, "relu", "relu", ["bn"])
    return graph


def test_batchnorm_becomes_a_depthwise_of_the_same_name() -> None:
    graph = _graph((1, 4, 4, 2))
    assert batchnorm_to_depthwise(graph) == 1
    op = graph.op("bn")
    assert op.type == "depthwise-conv2d"
    assert op.args == {"input": ["image"], "weights": ["bn/kernel"], "bias": ["bn/bias"]}
    assert (op.attrs["kernel"], op.attrs["stride"], op.attrs["pad"]) == ([1, 1], [1, 1], [0] * 4)
    # scales 2 / 2 and 3 / 1; bias beta - mean * scale
    np.testing.assert_array_equal(graph.data_of(op, "weights"), np.float32([[[[1, 3]]]]))
    np.testing.assert_array_equal(graph.data_of(op, "bias"), np.float32([0.5, -11]))
    assert [op.name for op in graph] == ["image", "bn/kernel", "bn/bias", "bn", "relu"]


def test_batchnorm_on_a_flat_tensor_stays() -> None:
    graph = _graph((1, 2))
    assert batchnorm_to_depthwise(graph) == 0
    assert graph.op("bn").type == "batchnorm"
