"""Remove Dropout layers, which do nothing in a trained network.

Source: vai_q_tensorflow2, vitis_optimize_transforms.py (remove_dropout); as there, one whose input others
use too stays, and so does SpatialDropout2D.
"""

from __future__ import annotations

from host.graph.graph import Graph


def remove_dropout(graph: Graph) -> int:
    """Remove every Dropout that is alone in using its input; returns how many."""
    count = 0
    for op in graph.of_type("identity"):
        source = graph.input(op).name
        if op.attrs.get("__keras") == "Dropout" and len(graph.consumers(source)) == 1:
            graph.redirect(op.name, source)
            graph.remove(op.name)
            count += 1
    return count
