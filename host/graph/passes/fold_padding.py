"""Move zero padding into the window of the convolution behind it, which pads with zeros itself."""

from __future__ import annotations

from host.graph.graph import Graph, Op

_CONVS = ("conv2d", "depthwise-conv2d")


def fold_padding(graph: Graph) -> int:
    """Fold every padding of maps that a convolution takes in; returns how many took one.

    Pools are left alone: for them padding is not a zero that takes part.
    """
    count = 0
    for op in reversed(graph.of_type("pad")):
        pad = _of_map(op)
        users = graph.consumers(op.name)
        for user in users:
            if user.type not in _CONVS or pad is None:
                continue
            user.attrs["pad"] = [a + b for a, b in zip(user.attrs["pad"], pad)]
            user.args["input"] = list(op.args["input"])
            count += 1
        if users and not graph.consumers(op.name):
            graph.remove(op.name)
    return count


def _of_map(op: Op) -> list[int] | None:
    """Return [left, right, top, bottom] zeros, or None if it pads otherwise."""
    pads = list(op.attrs.get("paddings", ()))
    if len(pads) != 8 or any(pads[:2] + pads[6:]) or op.attrs.get("mode") != "CONSTANT":
        return None
    return [pads[4], pads[5], pads[2], pads[3]]
