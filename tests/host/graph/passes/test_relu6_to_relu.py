"""ReLU layers of max_value 6 become plain; Activation('relu6') stays, as in AMD's tool."""

from __future__ import annotations

from host.graph.graph import Graph
from host.graph.passes.relu6_to_relu import relu6_to_relu
from tests.host.small_graphs import add_data, add_op


def test_only_layers_are_converted() -> None:
    graph = Graph("g")
    add_data(graph, (1, 2, 2, 1))
    add_op(graph, "layer", "relu6", ["image"], __keras="ReLU")
    add_op(graph, "function", "relu6", ["layer"], __keras="Activation")
    add_op(graph, "plain", "relu", ["function"], __keras="ReLU")
    assert relu6_to_relu(graph) == 1
    assert [graph.op(name).type for name in ("layer", "function", "plain")] == [
        "relu",
        "relu6",
        "relu",
    ]
