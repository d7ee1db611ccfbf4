from __future__ import annotations

import numpy as np
import pytest

from host.dpu.emulator import Emulator
from host.graph.graph import Graph
from host.graph.passes.fold_padding import fold_padding
from tests.host.small_graphs import add_conv, add_data, add_op

ASYMMETRIC = [0, 0, 0, 3, 1, 2, 0, 0]  # none above, 3 below, 1 left, 2 right


def _padded(kind: str) -> Graph:
    graph = Graph("g")
    add_data(graph, (1, 4, 5, 2))
    add_op(graph, "pad", "pad", ["image"], (1, 7, 8, 2), paddings=ASYMMETRIC, mode="CONSTANT")
    shape = (3, 2, 3, 2) if kind == "conv2d" else (1, 2, 3, 2)
    weights = np.random.default_rng(1).normal(size=shape)
    conv = add_conv(graph, "conv", "pad", weights, None, kind, pad=[0, 1, 0, 0])
    conv.tensor.dims = (1, 6, 7, conv.tensor.dims[-1])
    return graph


@pytest.mark.parametrize("kind", ["conv2d", "depthwise-conv2d"])
def test_padding_moves_into_the_window(kind: str) -> None:
    graph = _padded(kind)
    images = np.random.default_rng(2).normal(size=(2, 4, 5, 2)).astype(np.float32)
    before = Emulator(graph).run({"image": images})["conv"]
    assert fold_padding(graph) == 1
    assert "pad" not in graph
    assert graph.op("conv").attrs["pad"] == [1, 3, 0, 3]
    np.testing.assert_array_equal(Emulator(graph).run({"image": images})["conv"], before)


def test_padding_of_padding_moves_too() -> None:
    graph = _padded("conv2d")
    add_op(
        graph,
        "outer",
        "pad",
        ["image"],
        (1, 6, 7, 2),
        paddings=[0, 0, 1, 1, 1, 1, 0, 0],
        mode="CONSTANT",
    )
    graph.op("pad").args["input"] = ["outer"]
    graph.sort()
    assert fold_padding(graph) == 2
    assert graph.op("conv").attrs["pad"] == [2, 4, 1, 4]
    assert graph.op("conv").args["input"] == ["image"]


def test_padding_stays_where_somebody_else_needs_it() -> None:
    graph = _padded("conv2d")
    add_op(graph, "pool", "maxpool2d", ["pad"], (1, 7, 8, 2), kernel=[1, 1], stride=[1, 1])
    assert fold_padding(graph) == 1
    assert graph.op("pool").args["input"] == ["pad"]


def test_padding_at_the_end_stays() -> None:
    graph = Graph("g")
    add_data(graph, (1, 4, 5, 2))
    add_op(graph, "pad", "pad", ["image"], (1, 7, 8, 2), paddings=ASYMMETRIC, mode="CONSTANT")
    assert fold_padding(graph) == 0
    assert "pad" in graph
