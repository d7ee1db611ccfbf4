"""Cuts a lowered graph into USER, DPU and CPU subgraphs, with upload and download at the DPU's doors."""

from __future__ import annotations

import itertools

from host.compiler.check import Verdict
from host.graph.graph import Graph, Op, Subgraph, Tensor

LIB_CPU = "libvart-cpu-runner.so"
RUNNERS = {
    "DPU": {"ref": LIB_CPU, "run": "libvart-dpu-runner.so", "sim": "libvart-sim-runner.so"},
    "CPU": {"ref": LIB_CPU, "run": LIB_CPU, "sim": LIB_CPU},
}


def partition(graph: Graph, verdicts: list[Verdict]) -> None:
    """Set every op's `device`, insert upload and download, build the tree root - subgraph - leaf.

    Args:
        graph: Lowered; changed in place.
        verdicts: Of every op but constants.
    """
    device_of = {verdict.op: verdict for verdict in verdicts}
    groups = _groups(graph, device_of)
    root = Subgraph("root")
    for index, (device, names) in enumerate(groups):
        if device == "DPU":
            names = _add_doors(graph, names)
        # Constants belong to their first user.
        members = _with_constants(graph, names, groups[:index])
        root.children.append(_subgraph(graph, device, members))
    graph.sort()
    for child in root.children:
        _order_like(graph, child)
    graph.root = root


def _groups(graph: Graph, verdicts: dict[str, Verdict]) -> list[tuple[str, list[str]]]:
    """Group ops by device and by how often the device changes on the way to them."""
    level: dict[str, int] = {}
    groups: dict[tuple[int, str], list[str]] = {}
    for op in graph:
        if op.data is not None:
            continue
        device = verdicts[op.name].device
        steps = [
            level[name] + int(verdicts[name].device != device)
            for name in op.input_names
            if name in level
        ]
        level[op.name] = max(steps, default=0)
        groups.setdefault((level[op.name], device), []).append(op.name)
    return [(device, names) for (_, device), names in sorted(groups.items(), key=lambda i: i[0][0])]


def _add_doors(graph: Graph, names: list[str]) -> list[str]:
    """Insert an upload for every tensor that comes in, a download for every one that goes out."""
    inside = set(names)
    doors: list[str] = []
    for name in names:
        for source in graph.op(name).input_names:
            if source not in inside and graph.op(source).data is None and source not in doors:
                doors.append(_upload(graph, source, inside))
                inside.add(doors[-1])
    leaving = []
    outputs = {op.name for op in graph.outputs()}
    for name in names:
        users = [user.name for user in graph.consumers(name)]
        if name in outputs or any(user not in inside for user in users):
            leaving.append(_download(graph, name, inside))
    return [*doors, *names, *leaving]


def _upload(graph: Graph, source: str, inside: set[str]) -> str:
    before = graph.op(source).tensor
    # A tensor that two DPU subgraphs take in has two uploads.
    number = next(i for i in itertools.count() if f"{source}_upload_{i}" not in graph)
    name = f"{source}_upload_{number}"
    tensor = Tensor(f"{before.name}_upload_{number}", before.dims, before.dtype, dict(before.attrs))
    outside = tuple(op.name for op in graph if op.name not in inside)
    graph.add(Op(name, "upload", tensor, {"input": [source]}))
    graph.redirect(source, name, keep=(name, *outside))
    graph.sort()
    return name


def _download(graph: Graph, source: str, inside: set[str]) -> str:
    """The download makes the tensor of the original name; the one inside is renamed."""
    inner = graph.op(source).tensor
    name = f"{source}_download"
    tensor = Tensor(inner.name, inner.dims, inner.dtype, dict(inner.attrs))
    inner.name = f"{inner.name}_download_0"
    graph.add(Op(name, "download", tensor, {"input": [source]}))
    graph.redirect(source, name, keep=(name, *inside))
    graph.sort()
    return name


def _with_constants(
    graph: Graph, names: list[str], before: list[tuple[str, list[str]]]
) -> list[str]:
    taken = {c for _, others in before for other in others for c in _constants(graph, other)}
    found: list[str] = []
    for name in names:
        found += [c for c in _constants(graph, name) if c not in taken and c not in found]
        found.append(name)
    return found


def _constants(graph: Graph, name: str) -> list[str]:
    return [source for source in graph.op(name).input_names if graph.op(source).data is not None]


def _subgraph(graph: Graph, device: str, names: list[str]) -> Subgraph:
    for name in names:
        graph.op(name).attrs["device"] = device
    first = next(
        name for name in names if graph.op(name).data is None and graph.op(name).type != "upload"
    )
    subgraph = Subgraph(f"subgraph_{first}", {"device": device})
    if device in RUNNERS:
        subgraph.attrs["runner"] = dict(RUNNERS[device])
    if device != "DPU":
        subgraph.ops = names
        return subgraph
    pending: list[str] = []
    for name in names:
        pending.append(name)
        if graph.op(name).data is None:
            attrs = (
                {"skip_code_gen": True} if graph.op(name).type in ("upload", "reshape-fix") else {}
            )
            subgraph.children.append(Subgraph(f"subgraph_{name}_layer", attrs, pending))
            pending = []
    subgraph.attrs["children_topological_sort"] = [
        child.name for child in subgraph.children if "skip_code_gen" not in child.attrs
    ]
    return subgraph


def _order_like(graph: Graph, subgraph: Subgraph) -> None:
    """List the ops of a leaf in the graph's own order."""
    places = {op.name: place for place, op in enumerate(graph)}
    subgraph.ops.sort(key=places.__getitem__)
    for child in subgraph.children:
        _order_like(graph, child)
