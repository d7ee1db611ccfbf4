"""Gradients of one layer against finite differences; its forward pass against the emulator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from host.dpu.emulator import Emulator
from host.graph.graph import Graph, Op, Tensor, const
from host.quantizer.layer_math import LayerMath
from tests.host.small_graphs import add_data, add_fix, add_op

WINDOW = {"stride": [1, 1], "dilation": [1, 1], "pad": [0, 0, 0, 0], "pad_mode": "FLOOR"}
# type, weights (XIR's layout), output dims, attributes; the input is (2, 5, 4, 2) or flat.
LAYERS: dict[str, tuple[str, tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "conv": ("conv2d", (3, 3, 2, 2), (1, 3, 3, 3), {"kernel": [2, 3]}),
    "conv stride pad dilation": (
        "conv2d",
        (3, 2, 3, 2),
        (1, 3, 2, 3),
        {"kernel": [3, 2], "stride": [2, 2], "dilation": [1, 2], "pad": [1, 1, 1, 1]},
    ),
    "depthwise": ("depthwise-conv2d", (1, 2, 2, 2), (1, 4, 3, 2), {"kernel": [2, 2]}),
    "depthwise twice": ("depthwise-conv2d", (2, 2, 2, 2), (1, 4, 3, 4), {"kernel": [2, 2]}),
    "transposed": (
        "transposed-conv2d",
        (3, 2, 3, 2),
        (1, 10, 9, 3),
        {"kernel": [3, 2], "stride": [2, 2]},
    ),
    "dense": ("inner-product", (3, 40), (1, 3), {"axis": 1}),
}


def _graph(name: str, activation: str = "", fix: int | None = None) -> tuple[Graph, Op]:
    kind, shape, dims, attrs = LAYERS[name]
    rng = np.random.default_rng(4)
    graph = Graph("g")
    add_data(graph, (1, 40) if kind == "inner-product" else (1, 5, 4, 2))
    graph.add(const("layer/kernel", rng.uniform(-1, 1, shape)))
    graph.add(const("layer/bias", rng.uniform(-1, 1, dims[-1])))
    args = {"input": ["image"], "weights": ["layer/kernel"], "bias": ["layer/bias"]}
    window = {} if kind == "inner-product" else WINDOW
    op = graph.add(Op("layer", kind, Tensor("layer", dims), args, {**window, **attrs}))
    if activation:
        add_op(graph, "act", activation, ["layer"], alpha=0.25)
    if fix is not None:
        add_fix(graph, "act" if activation else "layer", fix)
    return graph, op


def _values(graph: Graph) -> dict[str, np.ndarray]:
    return {
        "weights": np.asarray(graph.op("layer/kernel").data),
        "bias": np.asarray(graph.op("layer/bias").data),
    }


def _input(graph: Graph) -> np.ndarray:
    dims = graph.op("image").tensor.dims
    return np.random.default_rng(5).uniform(-1, 1, (2, *dims[1:])).astype(np.float32)


@pytest.mark.parametrize("activation", ["", "relu", "relu6", "leaky-relu"])
@pytest.mark.parametrize("name", LAYERS)
def test_forward_is_what_the_emulator_computes(name: str, activation: str) -> None:
    graph, op = _graph(name, activation, fix=4)
    x = _input(graph)
    math = LayerMath(graph, op)
    assert math.end.name == ("act" if activation else "layer")
    out, sums = math.forward(x, _values(graph))
    values = Emulator(graph).run({"image": x})
    np.testing.assert_allclose(sums, values["layer"], atol=1e-5)
    np.testing.assert_array_equal(out, values[f"{math.end.name}_fix"])


@pytest.mark.parametrize("activation", ["", "relu", "relu6", "leaky-relu"])
@pytest.mark.parametrize("name", LAYERS)
def test_gradients_are_those_of_finite_differences(name: str, activation: str) -> None:
    graph, op = _graph(name, activation)
    x, values = _input(graph), _values(graph)
    math = LayerMath(graph, op)
    out, sums = math.forward(x, values)
    rng = np.random.default_rng(6)
    weight_of_each = rng.uniform(-1, 1, out.shape)
    gradients = math.gradients(x, (weight_of_each * math.slope(sums)).astype(np.float32))
    for arg, value in values.items():
        assert gradients[arg].shape == value.shape
        for place in [tuple(rng.integers(0, size) for size in value.shape) for _ in range(4)]:
            ends = []
            for step in (1e-4, -1e-4):
                moved = {**values, arg: value.copy()}
                moved[arg][place] += step
                ends.append((math.forward(x, moved)[0].astype(np.float64) * weight_of_each).sum())
            difference = (ends[0] - ends[1]) / 2e-4
            assert gradients[arg][place] == pytest.approx(difference, abs=0.02)


def test_nothing_passes_saturated_codes() -> None:
    graph, op = _graph("dense", fix=7)  # codes reach from -1 to 127 / 128
    math = LayerMath(graph, op)
    np.testing.assert_array_equal(math.slope(np.float32([[0.5, 1.5, -1.5]])), [[1, 0, 0]])


def test_relu6_passes_what_lies_between() -> None:
    graph, op = _graph("dense", "relu6")
    slope = LayerMath(graph, op).slope(np.float32([[-1, 3, 7]]))
    np.testing.assert_array_equal(slope, [[0, 1, 0]])
