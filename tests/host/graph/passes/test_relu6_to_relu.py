"""Activations that end at 6 become plain ones."""

from __future__ import annotations

from host.graph.graph import Graph
from host.graph.passes.relu6_to_relu import relu6_to_relu
from tests.host.small_graphs import add_data, add_op


def test_layers_and_functions_are_converted() -> None:
    graph = Graph("g")
    add_data(graph, (1, 2, 2, 1))
    add_op(graph, "layer", "relu6", ["image"], __keras="ReLU")
    add_op(graph, "function", "relu6", ["layer"], __keras="Activation")
    add_op(graph, "plain", "relu", ["function"], __keras="ReLU")
    assert relu6_to_relu(graph) == 2
    assert not graph.of_type("relu6")
