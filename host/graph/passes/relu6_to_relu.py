"""Turn activations that end at 6 into plain ones, so that equalization reaches across them.

Source: vai_q_tensorflow2, vitis_optimize_transforms.py (convert_relu6_to_relu).
"""

from __future__ import annotations

from host.graph.graph import Graph


def relu6_to_relu(graph: Graph) -> int:
    """Convert; returns how many."""
    found = graph.of_type("relu6")
    for op in found:
        op.type = "relu"
    return len(found)
