"""Replace functions by those the DPU computes: sigmoid, swish, averages, LeakyReLU's slope.

Source: vai_q_tensorflow2, vitis_pof2s_quantize_transforms.py (the conversions before annotation)
and layers/vitis_pooling.py.
"""

from __future__ import annotations

import math

from host.dpu.ops.average import average_factor
from host.dpu.ops.hard_sigmoid_fix import FACTOR, FACTOR_BITS
from host.dpu.ops.nonlinear import LEAKY_SLOPE
from host.graph.graph import Graph, Op, Tensor
from host.quantizer.annotate import is_leaky_relu

_MAX_SIDE = 255
_MAX_SQUARE = 8


def to_dpu_functions(graph: Graph, match_vai_q: bool = False) -> int:
    """Convert every op that has a DPU version of its own; returns how many.

    Args:
        graph: Float.
        match_vai_q: Leave averages over rectangles unconverted, as the tool does by mistake.
    """
    count = 0
    for op in graph:
        if op.type == "sigmoid":
            _to_hard_sigmoid(op)
        elif op.type == "swish" and len(graph.consumers(graph.input(op).name)) == 1:
            _split_swish(graph, op)
        elif op.type == "avgpool2d":
            factor = _factor(op, match_vai_q)
            if factor is None:
                continue
            op.attrs["dpu_factor"] = list(factor)
        elif is_leaky_relu(op) and abs(op.attrs["alpha"] - 0.1) < 1e-7:
            op.attrs["alpha"] = LEAKY_SLOPE
        else:
            continue
        count += 1
    graph.sort()
    return count


def _to_hard_sigmoid(op: Op) -> None:
    op.type = "hard-sigmoid"
    op.attrs = {"__keras": "VitisSigmoid", "dpu_factor": [FACTOR, FACTOR_BITS]}


def _split_swish(graph: Graph, op: Op) -> None:
    """X -> hard-sigmoid of the old name, and <name>_mul = x * hard-sigmoid(x)."""
    source = graph.input(op).name
    _to_hard_sigmoid(op)
    product = Op(f"{op.name}_mul", "mul", Tensor(f"{op.name}_mul", op.tensor.dims))
    product.attrs["__keras"] = "Multiply"
    product.args["input"] = [source, op.name]
    graph.add(product)
    graph.redirect(op.name, product.name, keep=(product.name,))


def _factor(op: Op, match_vai_q: bool) -> tuple[int, int] | None:
    """Return (N, M): the average is the sum times N / 2**M; None where it stays as it is."""
    width, height = op.attrs["kernel"]
    if max(width, height) > _MAX_SIDE:
        return None
    if width != height and tuple(op.tensor.dims[1:-1]) in ((), (1, 1)):
        side = math.lcm(width, height)
        if side <= _MAX_SQUARE:  # the DPU pads such a map to a square
            count, bits = average_factor(side, side)
            return count * side * side // (width * height), bits
        if match_vai_q and not op.attrs.get("global"):
            return None
    elif width != height and match_vai_q:
        return None
    return average_factor(height, width)
