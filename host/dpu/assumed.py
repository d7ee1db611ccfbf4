"""Rules of the emulator that no reference output at hand confirms. Never called exact.

Assumed: each rule below; an output of AMD's tools, or of a board, with such an op would settle it.
"""

from __future__ import annotations

from host.graph.graph import Graph, Op


def assumption_of(graph: Graph, op: Op) -> str | None:
    """Return what is assumed about an op's arithmetic, or None if reference outputs confirm it."""
    if op.type == "eltwise-fix" and op.attrs.get("type") == "MUL":
        return "product of codes, rounded once"
    if op.type == "eltwise-fix" and op.attrs.get("nonlinear") == "RELU6":
        return "a sum cut off at 6 before rounding"
    if op.type == "concat-fix" and _rescales(graph, op):
        return "inputs with another fix point are rounded half up"
    if op.type == "pool-fix" and op.attrs.get("type") == "AVG" and any(op.attrs.get("pad", ())):
        return "padding counts as zeros in an average"
    if op.type == "pool-fix" and op.attrs.get("type") == "MAX" and _rescales(graph, op):
        return "a maximum is brought to another fix point, rounded half up"
    return None


def _rescales(graph: Graph, op: Op) -> bool:
    own = op.tensor.attrs.get("fix_point")
    return any(source.tensor.attrs.get("fix_point") != own for source in graph.inputs(op))
