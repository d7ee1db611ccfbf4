"""The order in which Keras lists the layers of a model: the adjustments go through them in this order.

Keras sorts by depth, the longest way to an output, deepest first; within a depth by when a walk from
the outputs back to the inputs first comes along. Source: Keras 2, engine/functional.py.
"""

from __future__ import annotations

from host.graph.graph import Graph, Op


def layer_order(graph: Graph, *types: str) -> list[Op]:
    """Return the ops of the given types in Keras's order.

    A fix op counts as a layer where AMD's tool has one: behind the network's input and behind a float
    tensor that is quantized again.
    """
    depths, visits = _depths(graph), _visits(graph)
    found = graph.of_type(*types)
    return sorted(found, key=lambda op: (-depths[op.name], visits.get(op.name, len(visits))))


def _is_layer(op: Op) -> bool:
    return op.data is None and (op.type != "fix" or op.attrs.get("__method") == "non-overflow")


def _depths(graph: Graph) -> dict[str, int]:
    depths: dict[str, int] = {op.name: 0 for op in graph}
    for op in reversed(list(graph)):
        step = int(_is_layer(op))
        for source in op.input_names:
            depths[source] = max(depths[source], depths[op.name] + step)
    return depths


def _visits(graph: Graph) -> dict[str, int]:
    visits: dict[str, int] = {}
    pending = [op.name for op in reversed(graph.outputs())]
    while pending:
        name = pending.pop()
        if name not in visits:
            visits[name] = len(visits)
            pending += reversed(graph.op(name).args.get("input", []))
    return visits
