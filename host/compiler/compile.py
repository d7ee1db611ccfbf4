"""Quantized graph -> compiled graph: lowered, checked, partitioned, laid out.

The result has everything AMD's xir and CPU runner need, and no DPU instructions: the graph
attribute `toolchain = builtin` says so, and a real board refuses it. AMD's compiler is needed for a
board.
"""

from __future__ import annotations

from typing import NamedTuple

from host.compiler.check import Verdict, check_ops
from host.compiler.lower import lower
from host.compiler.memory import lay_out
from host.compiler.partition import partition
from host.dpu.arch import ZCU104, DpuArch
from host.graph.graph import Graph
from host.graph.workload import set_workloads

TOOLCHAIN = "builtin"


class Compiled(NamedTuple):
    """A compiled graph and why each op is where it is."""

    graph: Graph
    verdicts: list[Verdict]


def compile_graph(quantized: Graph, arch: DpuArch = ZCU104) -> Compiled:
    """Compile for a DPU.

    Args:
        quantized: As the quantizer gives it, or read from an `_int.xmodel`.
        arch: The board's DPU.

    Raises:
        ModelError: If an op fits neither DPU nor CPU.
    """
    graph = lower(quantized)
    verdicts = check_ops(graph, arch)
    partition(graph, verdicts)
    for subgraph in graph.subgraphs("DPU"):
        lay_out(graph, subgraph, arch)
    assert graph.root is not None
    set_workloads(graph, graph.root)
    graph.attrs = {"toolchain": TOOLCHAIN, "origin": "tensorflow2"}
    return Compiled(graph, verdicts)
