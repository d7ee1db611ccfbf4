"""What is in a graph: subgraphs, ops, shapes, fix points, weights, work; which release it fits."""

from __future__ import annotations

from typing import Any

from host.dpu.arch import arch_of_fingerprint
from host.dpu.assumed import assumption_of
from host.dpu.ops.table import CONST_TYPES, INPUT_TYPES, OPS
from host.graph.graph import Graph, Op, Subgraph
from host.graph.workload import macs_of, workload_of
from target.errors import ModelError


def describe_graph(graph: Graph) -> dict[str, Any]:
    """Return everything about a graph that a reader of its file would ask.

    Returns:
        name, toolchain, subgraphs (name, device, target, fingerprint, releases, has_instructions, macs,
        weights, ops), ops in order, macs, weights, assumed (ops whose rule no reference output confirms).
    """
    home = {name: sub for sub in graph.subgraphs() for name in sub.all_ops()}
    ops = [_describe_op(graph, op, home.get(op.name)) for op in graph if op.type not in CONST_TYPES]
    return {
        "name": graph.name,
        "toolchain": _text(graph.attrs, "toolchain")
        or ("vitis" if graph.subgraphs("DPU") else "none"),
        "compiled": bool(graph.subgraphs("DPU")),
        "macs": sum(op["macs"] for op in ops),
        "weights": sum(op["weights"] for op in ops),
        "subgraphs": [_describe_subgraph(graph, sub) for sub in graph.subgraphs()],
        "ops": ops,
        "assumed": [{"op": op["name"], "why": op["assumed"]} for op in ops if op["assumed"]],
    }


def _describe_op(graph: Graph, op: Op, subgraph: Subgraph | None) -> dict[str, Any]:
    constants = [source for source in _constants(graph, op) if source.data is not None]
    device = subgraph.device if subgraph else ""
    fix_point = op.tensor.attrs.get("fix_point")
    known = op.type in OPS or op.type in INPUT_TYPES
    return {
        "name": op.name,
        "type": op.type,
        "device": device,
        "subgraph": subgraph.name if subgraph else None,
        "inputs": [name for name in op.input_names if graph.op(name).type not in CONST_TYPES],
        "tensor": op.tensor.name,
        "dims": list(op.tensor.dims),
        "dtype": op.tensor.dtype,
        "fix_point": fix_point if isinstance(fix_point, int) else None,
        "nonlinear": _text(op.attrs, "nonlinear"),
        "macs": macs_of(graph, op),
        "workload": workload_of(graph, op),
        "weights": sum(int(c.data.size) for c in constants if c.data is not None),
        "emulated": known,
        "assumed": assumption_of(graph, op),
        "why_cpu": f"the DPU has no {op.type}" if device == "CPU" else None,
    }


def _constants(graph: Graph, op: Op) -> list[Op]:
    return [graph.op(name) for name in op.input_names if graph.op(name).type in CONST_TYPES]


def _describe_subgraph(graph: Graph, subgraph: Subgraph) -> dict[str, Any]:
    ops = [graph.op(name) for name in subgraph.all_ops()]
    fingerprint = subgraph.attrs.get("dpu_fingerprint")
    return {
        "name": subgraph.name,
        "device": subgraph.device,
        "target": _text(subgraph.attrs, "dpu_name"),
        "fingerprint": f"{fingerprint:#x}" if isinstance(fingerprint, int) else None,
        "releases": _releases(fingerprint),
        "has_instructions": bool(subgraph.attrs.get("mc_code")),
        "ops": sum(op.type not in CONST_TYPES for op in ops),
        "macs": sum(macs_of(graph, op) for op in ops),
        "weights": sum(int(op.data.size) for op in ops if op.data is not None),
    }


def _text(attrs: dict[str, Any], key: str) -> str | None:
    """Return an attribute that should be text; None if it is missing or something else."""
    found = attrs.get(key)
    return found if isinstance(found, str) else None


def _releases(fingerprint: object) -> list[str]:
    if not isinstance(fingerprint, int):
        return []
    try:
        return list(arch_of_fingerprint(fingerprint).releases)
    except ModelError:
        return []
