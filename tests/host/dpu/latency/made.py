"""Compiled graphs, layers and parameters by hand, of round numbers, for the tests of the latency model."""

from __future__ import annotations

from typing import Any

import numpy as np

from host.dpu.latency.boards import find_board, find_release
from host.dpu.latency.layers import Layer, Workload
from host.dpu.latency.parameters import Parameters
from host.dpu.latency.predict import Prediction, predict
from host.graph.graph import Graph, Op, Subgraph, Tensor

PARAMETERS = Parameters(
    array_efficiency=0.8,
    alu_efficiency=0.5,
    bandwidth_gb_s=6.0,
    kv260_isa0_bandwidth=0.5,
    layer_ms=0.01,
    isa0_layer=0.5,
    isa0_depthwise=2.0,
    isa0_pool=0.25,
    free_layer=0.4,
    on_chip_maps=0.5,
    overlap=0.1,
    host_ms=0.1,
    host_ns_per_byte=2.0,
    zcu104_host_ms=0.05,
    memory_gb_s=9.0,
)


def new_graph(*dims: tuple[int, ...], name: str = "net") -> Graph:
    """Return a graph with an int8 input of each shape: x, x1, ..."""
    graph = Graph(name)
    graph.attrs = {"toolchain": "builtin"}
    for number, shape in enumerate(dims):
        add(graph, f"x{number or ''}", "data-fix", shape, [])
    return graph


def add(
    graph: Graph,
    name: str,
    kind: str,
    dims: tuple[int, ...],
    sources: list[str],
    weights: tuple[int, ...] = (),
    **attrs: Any,
) -> Op:
    """Add an op on codes; with `weights` come constants of that shape and a bias for each channel."""
    args = {"input": sources} if sources else {}
    if weights:
        for arg, shape in (("weights", weights), ("bias", (dims[-1],))):
            tensor = Tensor(f"{name}_{arg}", shape, "xint8", {"fix_point": 0})
            data = np.zeros(shape, np.int8)
            graph.add(Op(tensor.name, "const-fix", tensor, {}, {}, data))
            args[arg] = [tensor.name]
        attrs.setdefault("kernel", [weights[2], weights[1]])
    return graph.add(Op(name, kind, Tensor(name, dims, "xint8", {"fix_point": 0}), args, attrs))


def conv(graph: Graph, name: str, source: str, out: tuple[int, ...], size: int = 3) -> Op:
    """Add a convolution of a square kernel."""
    channels = graph.op(source).tensor.dims[-1]
    return add(graph, name, "conv2d-fix", out, [source], (out[-1], size, size, channels))


def place(graph: Graph, *leaves: list[str], device: str = "DPU", **attrs: Any) -> Graph:
    """Give the graph a subgraph of leaves behind those it has; the first one also takes the inputs in."""
    if graph.root is None:
        inputs = [op.name for op in graph.of_type("data-fix")]
        graph.root = Subgraph("root", {}, [], [Subgraph("user", {"device": "USER"}, inputs)])
    children = [Subgraph(f"leaf_{names[0]}", {}, names) for names in leaves]
    number = len(graph.root.children)
    graph.root.children.append(
        Subgraph(f"part_{number}", {"device": device, **attrs}, [], children)
    )
    return graph


def place_all(graph: Graph) -> Graph:
    """Give the graph one DPU subgraph with every op in a leaf of its own, as our compiler does."""
    working = [op.name for op in graph if op.type not in ("data-fix", "const-fix")]
    return place(graph, *([name] for name in working))


def layer(**changes: Any) -> Layer:
    """Return a layer that computes and moves nothing, but for the changes."""
    nothing: dict[str, Any] = {
        "name": "layer",
        "types": ("conv2d-fix",),
        "shape": (1, 8, 8, 16),
        "macs": 0,
        "array_cycles": 0,
        "alu_cycles": 0,
        "weight_bytes": 0,
        "map_bytes": 0,
        "on_chip": False,
        "waits": True,
        "augmented": False,
        "window": (1, 1),
        "channels": (16, 16),
        "batchnorm_cycles": 0,
    }
    return Layer(**{**nothing, **changes})


def workload(*layers: Layer, **changes: Any) -> Workload:
    """Return a network of layers with an input of 1,000 bytes."""
    nothing: dict[str, Any] = {
        "name": "net",
        "layers": layers,
        "input_bytes": 1000,
        "subgraphs": 1,
        "cpu_ops": (),
        "parameters": 0,
    }
    return Workload(**{**nothing, **changes})


def predicted(
    *layers: Layer, board: str = "zcu104", release: str = "3.0", **changes: Any
) -> Prediction:
    """Return the prediction of a network of layers with the parameters of this file."""
    found = workload(*layers, **changes)
    return predict(found, find_board(board), find_release(release), PARAMETERS)
