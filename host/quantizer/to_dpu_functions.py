"""Replace functions by those the DPU computes: sigmoid, averages, LeakyReLU's slope.

Source: vai_q_tensorflow2, vitis_pof2s_quantize_transforms.py (the conversions before annotation).
"""

from __future__ import annotations

from host.dpu.ops.average import average_factor
from host.dpu.ops.requantize import LEAKY_SLOPE
from host.graph.graph import Graph

_MAX_SIDE = 255


def to_dpu_functions(graph: Graph) -> int:
    """Convert every op that has a DPU version of its own; returns how many."""
    count = 0
    for op in graph:
        if op.type == "sigmoid":
            op.type = "hard-sigmoid"
        elif op.type == "avgpool2d" and max(op.attrs["kernel"]) <= _MAX_SIDE:
            width, height = op.attrs["kernel"]
            op.attrs["dpu_factor"] = list(average_factor(height, width))
        elif op.type == "leaky-relu" and abs(op.attrs["alpha"] - 0.1) < 1e-7:
            op.attrs["alpha"] = LEAKY_SLOPE
        else:
            continue
        count += 1
    return count
