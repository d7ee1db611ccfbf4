"""Where the positions around a layer are kept: its inputs, weights, bias and output.

Source: vai_q_tensorflow2, vitis_pof2s_refine_transforms.py (what it calls ipos, opos, wpos, bpos).
"""

from __future__ import annotations

from host.graph.graph import Graph, Op
from host.quantizer.annotate import LAYER, PASS_THROUGH, POST_ACTIVATIONS, ROLE


def input_fixes(graph: Graph, op: Op) -> list[Op | None]:
    """Return the fix op of each input, looking through reshape, flatten and padding; None for float.

    Behind an activation with a float output, such as tanh, it is the fix op of that one's input: the
    tool knows only one position of a layer.
    """
    return [_fix_of(graph, source) for source in graph.inputs(op)]


def _fix_of(graph: Graph, op: Op) -> Op | None:
    while op.type in PASS_THROUGH:
        op = graph.input(op)
    if op.type == "fix":
        return op
    if len(op.args.get("input", [])) == 1:
        source = graph.input(op)
        if (
            source.type == "fix"
            and source.attrs[ROLE] == "input"
            and source.attrs[LAYER] == op.name
        ):
            return source
    return None


def output_fix(graph: Graph, op: Op) -> Op | None:
    """Return the fix op of an output: the op's own, or that of the activation right behind it."""
    users = graph.consumers(op.name)
    for user in users:
        if user.type == "fix":
            return user
    if len(users) == 1 and op.data is None and users[0].type in POST_ACTIVATIONS:
        for user in graph.consumers(users[0].name):
            if user.type == "fix":
                return user
    return None


def weight_fix(graph: Graph, op: Op, arg: str) -> Op | None:
    """Return the fix op of `weights` or `bias`; None if there is none."""
    sources = graph.inputs(op, arg)
    return sources[0] if sources and sources[0].type == "fix" else None


def get(fix: Op) -> int:
    """Return the position of a fix op."""
    return int(fix.attrs["fix_point"])


def put(fix: Op, position: int) -> int:
    """Change the position of a fix op; returns 1 if it was another, else 0."""
    changed = get(fix) != position
    fix.attrs["fix_point"] = position
    return int(changed)
