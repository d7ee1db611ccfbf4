"""The part of a graph that can be executed: up to the first CPU op that is unknown or lacks an input."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from host.dpu.ops.table import CONST_TYPES, INPUT_TYPES, OPS
from host.graph.graph import Graph, Op
from target.errors import ModelError


class StoppedAt(NamedTuple):
    """Where execution ends early.

    Attributes:
        op: Name of the first op that cannot be executed.
        type: Its type.
        subgraph: The subgraph it is in; empty if it is in none.
        reason: Why.
    """

    op: str
    type: str
    subgraph: str
    reason: str


def runnable_part(graph: Graph, given: Collection[str]) -> tuple[Graph, StoppedAt | None]:
    """Return the ops that can be executed, and what stopped the rest.

    Args:
        graph: Compiled or quantized.
        given: Names of the inputs there are values for, and of ops of unknown types that are to be
            taken as inputs: op or tensor names.

    Returns:
        A graph of the runnable ops (shared, not copied) and the first obstacle, None if there is none.

    Raises:
        ModelError: If an op inside a DPU subgraph is unknown.
    """
    home = {name: sub for sub in graph.subgraphs() for name in sub.all_ops()}
    part = Graph(graph.name)
    obstacle: StoppedAt | None = None
    for op in graph:
        reason = _obstacle(op, given)
        if reason is None:
            kind = "data" if op.tensor.dtype.startswith("float") else "data-fix"
            part.add(Op(op.name, kind, op.tensor))
            continue
        if reason and op.name in home and home[op.name].device == "DPU":
            raise ModelError(
                f"op '{op.name}' must be of a known type inside a DPU subgraph, got '{op.type}'"
                f" in subgraph '{home[op.name].name}'"
            )
        if not reason and all(name in part for name in op.input_names):
            part.add(op)
        elif reason and obstacle is None:
            subgraph = home[op.name].name if op.name in home else ""
            obstacle = StoppedAt(op.name, op.type, subgraph, reason)
    if all(op.name in part for op in graph.outputs()):
        obstacle = None  # what is missing was not needed
    return part, obstacle


def _obstacle(op: Op, given: Collection[str]) -> str | None:
    """Return why an op cannot be executed, '' if it can, None if its values are given instead."""
    known = op.name in given or op.tensor.name in given
    if op.type in INPUT_TYPES:
        return "" if known else "no values were given"
    if known and op.type not in OPS:
        return None
    return "" if op.type in OPS or op.type in CONST_TYPES else f"type '{op.type}' is unknown"
