"""Turn ReLU layers with max_value 6 into plain ones, so that equalization reaches across them.

Source: vai_q_tensorflow2, vitis_optimize_transforms.py (convert_relu6_to_relu); like there,
Activation('relu6') is left alone.
"""

from __future__ import annotations

from host.graph.graph import Graph


def relu6_to_relu(graph: Graph) -> int:
    """Convert; returns how many."""
    found = [op for op in graph.of_type("relu6") if op.attrs.get("__keras") != "Activation"]
    for op in found:
        op.type = "relu"
    return len(found)
