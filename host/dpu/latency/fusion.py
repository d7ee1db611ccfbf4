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
FREE_TYPES = ("reshape-fix", "upload", "download", "concat-fix", "data-fix", "const-fix")


def group_layers(graph: Graph, subgraph: Subgraph, release: Release) -> list[list[Op]]:
    """Return the layers of a DPU subgraph: ops in order, those of one layer together.

    Args:
        graph: Compiled.
        subgraph: Of device DPU.
        release: Whose compiler is modelled, where the file does not tell.
    """
    if str(graph.attrs.get("toolchain", "")) != "builtin":
        leaves = [[graph.op(name) for name in leaf.all_ops()] for leaf in subgraph.children]
        found = [[op for op in leaf if op.type not in FREE_TYPES] for leaf in leaves]
        return [layer for layer in found if layer]
    ops = [graph.op(name) for name in subgraph.all_ops()]
    working = [op for op in ops if op.type not in FREE_TYPES]
    layers: list[list[Op]] = []
    taken: set[str] = set()
    for op in working:
        if op.name in taken:
            continue
        follower = _follower(graph, op, release)
        layer = [op] if follower is None or follower.name in taken else [op, follower]
        taken.update(member.name for member in layer)
        layers.append(layer)
    return layers


def _follower(graph: Graph, op: Op, release: Release) -> Op | None:
    if op.type != "conv2d-fix":
        return None
    users = graph.consumers(op.name)
    if len(users) != 1:
        return None
    user = users[0]
    if user.type == "pool-fix" and user.attrs.get("type") == "MAX":
        return user
    if user.type == "depthwise-conv2d-fix" and list(user.attrs["kernel"]) == [1, 1]:
        return user
    return user if user.type == "eltwise-fix" and release.fuses_eltwise else None
