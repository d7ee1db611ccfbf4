"""Counts the operations of ops and subgraphs as AMD's compiler does.

Two per multiply-add, one per added bias and per pooled or added element.
"""

from __future__ import annotations

import math

from host.graph.graph import Graph, Op, Subgraph
from target.errors import ModelError


def macs_of(graph: Graph, op: Op) -> int:
    """Return the multiply-adds of a convolution (or dense layer) for one image; 0 for other ops.

    A transposed convolution uses its kernel once for each pixel of its input, others for each of their
    output.
    """
    if "weights" not in op.args:
        return 0
    weights = math.prod(graph.input(op, "weights").tensor.dims)
    where = graph.input(op) if op.type.startswith("transposed-") else op
    return weights * math.prod(where.tensor.dims[1:-1])


def workload_of(graph: Graph, op: Op) -> int:
    """Return the operations of an op for one image.

    Raises:
        ModelError: If a pool has no kernel.
    """
    if "weights" in op.args:
        biases = math.prod(op.tensor.dims) if "bias" in op.args else 0
        return 2 * macs_of(graph, op) + biases
    elements = math.prod(op.tensor.dims)
    if op.type in ("pool-fix", "maxpool2d", "avgpool2d"):
        if "kernel" not in op.attrs:
            raise ModelError(f"op '{op.name}' ({op.type}) must have attribute 'kernel', got none")
        return elements * int(math.prod(op.attrs["kernel"]))
    if op.type in ("eltwise-fix", "add", "mul"):
        return elements * max(len(op.args.get("input", ())) - 1, 0)
    return 0


def set_workloads(graph: Graph, subgraph: Subgraph) -> int:
    """Set attribute `workload` on a subgraph and all below it; returns the sum."""
    own = sum(workload_of(graph, graph.op(name)) for name in subgraph.ops)
    total = own + sum(set_workloads(graph, child) for child in subgraph.children)
    subgraph.attrs["workload"] = total
    return total
