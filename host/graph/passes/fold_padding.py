"""Move zero padding into the window of the convolution behind it, which pads with zeros itself."""

from __future__ import annotations

from host.graph.graph import Graph

_CONVS = ("conv2d", "depthwise-conv2d")


def fold_padding(graph: Graph) -> int:
    """Fold every padding that a convolution takes in; returns how many convolutions took one.

    Pools are left alone: for them padding is not a zero that takes part.
    """
    count = 0
    for op in reversed(graph.of_type("pad")):
        users = graph.consumers(op.name)
        for user in users:
            if user.type not in _CONVS:
                continue
            user.attrs["pad"] = [a + b for a, b in zip(user.attrs["pad"], op.attrs["pad"])]
            user.args["input"] = list(op.args["input"])
            count += 1
        if users and not graph.consumers(op.name):
            graph.remove(op.name)
    return count
