"""Post adjustments: changes positions until every shift is one that the DPU can do.

One function a step, in the tool's order, each a single pass in Keras's layer order without a second
look.
Weights are not searched again after a change. Source: vai_q_tensorflow2,
vitis_pof2s_refine_transforms.py.
"""

from __future__ import annotations

from collections.abc import Callable

from host.graph.graph import Graph, Op
from host.quantizer.annotate import (
    CONV_LIKE,
    ELTWISE,
    FLOAT,
    LAYER,
    is_activation_layer,
    is_leaky_relu,
)
from host.quantizer.layer_order import layer_order
from host.quantizer.places import get, input_fixes, output_fix, put, weight_fix

MAX_SHIFT = 15
MAX_SHIFT_CUT = 16


def adjust(graph: Graph, match_vai_q: bool = False) -> int:
    """Run every step; returns how many positions were changed.

    Args:
        graph: Calibrated.
        match_vai_q: Set a violated shift_write to +-15 as the tool does, instead of to the limit.
    """
    steps: list[Callable[[Graph], int]] = [
        hard_sigmoid,
        shift_read,
        lambda g: shift_write(g, match_vai_q),
        shift_swish,
        shift_cut,
        shift_bias,
        shift_bias_leakyrelu,
        align_concat,
        align_pool,
    ]
    return sum(step(graph) for step in steps)


def hard_sigmoid(graph: Graph) -> int:
    """Input 0..15, output at least 7, and 14 + input - output more than 0."""
    changed = 0
    for op in layer_order(graph, "hard-sigmoid"):
        if is_activation_layer(op):
            continue  # Keras's own: its output is float
        source, out = input_fixes(graph, op)[0], output_fix(graph, op)
        if source is None or out is None:
            continue
        changed += put(source, min(max(get(source), 0), MAX_SHIFT))
        position = max(get(out), 7)
        if 14 + get(source) - position <= 0:
            position = 14 + get(source)
        changed += put(out, position)
    return changed


def _eltwise(graph: Graph) -> list[tuple[Op, list[Op], Op | None]]:
    found = []
    for op in layer_order(graph, *ELTWISE):
        sources = [source for source in input_fixes(graph, op) if source is not None]
        if len(sources) == len(op.args["input"]):
            found.append((op, sources, output_fix(graph, op)))
    return found


def shift_read(graph: Graph) -> int:
    """Inputs of a sum or product at most 15 apart; the largest is lowered."""
    changed = 0
    for _, sources, _ in _eltwise(graph):
        lowest, highest = min(sources, key=get), max(sources, key=get)
        if get(highest) - get(lowest) > MAX_SHIFT:
            changed += put(highest, get(lowest) + MAX_SHIFT)
    return changed


def shift_write(graph: Graph, match_vai_q: bool) -> int:
    """The lowest input and the output of a sum or product at most 15 apart; the output moves."""
    changed = 0
    for _, sources, out in _eltwise(graph):
        if out is None:
            continue
        lowest = min(get(source) for source in sources)
        shift = lowest - get(out)
        if abs(shift) > MAX_SHIFT:
            limit = MAX_SHIFT if shift > 0 else -MAX_SHIFT
            changed += put(out, limit if match_vai_q else lowest - limit)
    return changed


def shift_swish(graph: Graph) -> int:
    """X times hard-sigmoid(x): 0 <= sum of input positions - output <= 15; the output moves."""
    changed = 0
    for op in layer_order(graph, "mul"):
        first, second = input_fixes(graph, op)[:2]
        own = [user for user in graph.consumers(op.name) if user.type == "fix"]
        if first is None or second is None or not own or not _is_swish(graph, first, second):
            continue
        total = get(first) + get(second)
        changed += put(own[0], min(max(get(own[0]), total - MAX_SHIFT), total))
    return changed


def _is_swish(graph: Graph, first: Op, second: Op) -> bool:
    """Say whether one of two quantized tensors is the hard sigmoid of the other."""
    layers = [graph.op(fix.attrs[LAYER]) for fix in (first, second)]
    gates = [op.type == "hard-sigmoid" and not is_activation_layer(op) for op in layers]
    if gates[0] == gates[1]:
        return False
    gate, other = layers if gates[0] else layers[::-1]
    source = graph.input(gate)
    return bool((source.attrs[LAYER] if source.type == "fix" else source.name) == other.name)


def shift_cut(graph: Graph) -> int:
    """0 <= weights + input - output <= 16; the weights' position moves."""
    changed = 0
    for op in layer_order(graph, *CONV_LIKE):
        source, out, weights = _around(graph, op)
        if source is None or out is None or weights is None:
            continue
        cut = get(weights) + get(source) - get(out)
        limit = min(max(cut, 0), MAX_SHIFT_CUT)
        changed += put(weights, limit + get(out) - get(source))
    return changed


def shift_bias(graph: Graph) -> int:
    """min(0, shift_cut - 16) <= weights + input - bias <= 16; the bias' position moves."""
    changed = 0
    for op in layer_order(graph, *CONV_LIKE):
        source, out, weights = _around(graph, op)
        bias = weight_fix(graph, op, "bias")
        if source is None or out is None or weights is None or bias is None:
            continue
        product = get(weights) + get(source)
        lowest = min(0, product - get(out) - MAX_SHIFT_CUT)
        limit = min(max(product - get(bias), lowest), MAX_SHIFT_CUT)
        changed += put(bias, product - limit)
    return changed


def shift_bias_leakyrelu(graph: Graph) -> int:
    """Before a quantized LeakyReLU the shift of the bias must not be negative."""
    changed = 0
    for op in layer_order(graph, *CONV_LIKE):
        source, _, weights = _around(graph, op)
        bias = weight_fix(graph, op, "bias")
        users = graph.consumers(op.name)
        leaky = len(users) == 1 and is_leaky_relu(users[0]) and FLOAT not in users[0].attrs
        if not leaky or source is None or weights is None or bias is None:
            continue
        product = get(weights) + get(source)
        limit = min(max(product - get(bias), 0), MAX_SHIFT_CUT)
        changed += put(bias, product - limit)
    return changed


def align_concat(graph: Graph) -> int:
    """All quantized inputs and the output of a concatenation at the lowest of their positions."""
    changed = 0
    for op in layer_order(graph, "concat"):
        out = output_fix(graph, op)
        if out is not None:
            changed += _align([out, *(fix for fix in input_fixes(graph, op) if fix is not None)])
    return changed


def align_pool(graph: Graph) -> int:
    """Input and output of a pool, global ones excepted, at the lower of their positions."""
    changed = 0
    for op in layer_order(graph, "maxpool2d", "avgpool2d"):
        source, out = input_fixes(graph, op)[0], output_fix(graph, op)
        if not op.attrs.get("global") and source is not None and out is not None:
            changed += _align([source, out])
    return changed


def _align(fixes: list[Op]) -> int:
    lowest = min(get(fix) for fix in fixes)
    return sum(put(fix, lowest) for fix in fixes)


def _around(graph: Graph, op: Op) -> tuple[Op | None, Op | None, Op | None]:
    return input_fixes(graph, op)[0], output_fix(graph, op), weight_fix(graph, op, "weights")
