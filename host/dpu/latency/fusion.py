"""Which ops of a DPU subgraph the compiler makes one layer of: the unit that is loaded, computed and saved.

A file of AMD's compiler tells it by its leaf subgraphs. Ours names every op by itself; there the
rules are those that AMD's files show: a convolution takes in a max pool, or the 1x1 depthwise
convolution that an unfolded batch norm became, or (since 2.0, Assumed) a sum.
"""

from __future__ import annotations

from host.dpu.latency.boards import Release
from host.graph.graph import Graph, Op, Subgraph

# No instructions: other names for the same bytes, and the doors. A concat's inputs are written into
# its place.
_ALIASES = ("reshape-fix", "concat-fix", "upload")
FREE_TYPES = ("reshape-fix", "upload", "download", "concat-fix", "data-fix", "const-fix")


def group_layers(graph: Graph, subgraph: Subgraph, release: Release) -> list[list[Op]]:
    """Return the layers of a DPU subgraph: ops in order, those of one layer together.

    Args:
        graph: Compiled.
        subgraph: Of device DPU.
        release: Whose compiler is modelled, where the file does not tell: ours, or without leaves.
    """
    if str(graph.attrs.get("toolchain", "")) != "builtin" and subgraph.children:
        leaves = [[graph.op(name) for name in leaf.all_ops()] for leaf in subgraph.children]
        found = [[op for op in leaf if op.type not in FREE_TYPES] for leaf in leaves]
        return [layer for layer in found if layer]
    ops = [graph.op(name) for name in subgraph.all_ops()]
    working = [op for op in ops if op.type not in FREE_TYPES and not is_free_padding(graph, op)]
    waiting = {op.name for op in working}
    layers: list[list[Op]] = []
    for op in working:
        if op.name not in waiting:
            continue
        layer, follower = [op], _follower(graph, op, release)
        waiting.discard(op.name)
        # A sum is taken in by the last of its inputs, when the others are there.
        ready = follower is not None and not producers_of(graph, [op, follower]) & waiting
        if follower is not None and follower.name in waiting and ready:
            layer.append(follower)
            waiting.discard(follower.name)
        layers.append(layer)
    return layers


def producers_of(graph: Graph, layer: list[Op]) -> set[str]:
    """Return the ops whose tensors a layer takes in, looked up through what only names bytes anew."""
    found: set[str] = set()
    seen: set[str] = set()
    pending = [name for op in layer for name in op.args.get("input", [])]
    while pending:
        op = graph.op(pending.pop())
        if op.name in seen:
            continue
        seen.add(op.name)
        if op.type in _ALIASES or is_free_padding(graph, op):
            pending += op.args.get("input", [])
        else:
            found.add(op.name)
    return found - {op.name for op in layer}


def is_free_padding(graph: Graph, op: Op) -> bool:
    """Say whether an op pads for max pools alone, which do that themselves.

    Assumed: behind a ReLU zeros are as good as a pool's own padding; no file at hand has such an op.
    """
    users = graph.consumers(op.name) if op.type == "pad-fix" else []
    return bool(users) and all(
        user.type == "pool-fix" and user.attrs.get("type") == "MAX" for user in users
    )


def _follower(graph: Graph, op: Op, release: Release) -> Op | None:
    if op.type != "conv2d-fix":
        return None
    users = graph.consumers(op.name)
    if len(users) != 1:
        return None
    user = users[0]
    if user.type == "pool-fix" and user.attrs.get("type") == "MAX":
        return user
    if user.type == "depthwise-conv2d-fix" and user.attrs.get("kernel") == [1, 1]:
        return user
    return user if user.type == "eltwise-fix" and release.fuses_eltwise else None
