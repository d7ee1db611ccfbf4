"""Dropout goes where AMD's tool lets it go."""

from __future__ import annotations

from host.graph.graph import Graph
from host.graph.passes.remove_dropout import remove_dropout
from tests.host.small_graphs import add_data, add_op


def _graph(kind: str) -> Graph:
    graph = Graph("g")
    add_data(graph, (1, 2, 2, 1))
    add_op(graph, "act", "relu", ["image"])
    add_op(graph, "drop", "identity", ["act"], __keras=kind)
    add_op(graph, "end", "relu", ["drop"])
    return graph


def test_dropout_goes_and_others_stay() -> None:
    for kind, count in (("Dropout", 1), ("SpatialDropout2D", 0), ("Activation", 0)):
        graph = _graph(kind)
        assert remove_dropout(graph) == count
        assert graph.op("end").args["input"] == (["act"] if count else ["drop"])


def test_two_in_a_row_go_both() -> None:
    graph = _graph("Dropout")
    add_op(graph, "again", "identity", ["end"], __keras="Dropout")
    add_op(graph, "last", "relu", ["again"])
    assert remove_dropout(graph) == 2


def test_a_dropout_whose_input_others_use_stays() -> None:
    graph = _graph("Dropout")
    add_op(graph, "sum", "add", ["act", "end"])
    assert remove_dropout(graph) == 0
