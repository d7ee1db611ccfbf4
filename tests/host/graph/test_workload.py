from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from host.graph.graph import Graph, Op, Subgraph, Tensor
from host.graph.workload import macs_of, set_workloads, workload_of
from host.xmodel.reader import read_xmodel


def _graph() -> Graph:
    graph = Graph("g")

    def add(name: str, kind: str, dims: tuple[int, ...], *sources: str, **attrs: object) -> None:
        args = {"input": list(sources)} if sources else {}
        if f"{name}_w" in graph:
            args["weights"] = [f"{name}_w"]
        graph.add(Op(name, kind, Tensor(name, dims), args, dict(attrs)))

    def weights(name: str, *dims: int) -> None:
        graph.add(Op(f"{name}_w", "const-fix", Tensor(f"{name}_w", dims), {}, {}, np.zeros(dims)))

    add("x", "data-fix", (1, 10, 8, 3))
    weights("conv", 5, 3, 2, 3)
    add("conv", "conv2d-fix", (1, 8, 7, 5), "x")
    weights("dw", 1, 3, 3, 5)
    add("dw", "depthwise-conv2d-fix", (1, 6, 5, 5), "conv")
    add("pool", "pool-fix", (1, 3, 2, 5), "dw", kernel=[2, 3])
    weights("fc", 7, 3, 2, 5)
    add("fc", "conv2d-fix", (1, 1, 1, 7), "pool")
    add("sum", "eltwise-fix", (1, 1, 1, 7), "fc", "fc", "fc")
    add("flat", "reshape-fix", (1, 7), "sum")
    return graph


@pytest.mark.parametrize(
    ("name", "macs", "operations"),
    [
        ("x", 0, 0),
        ("conv", 5 * 3 * 2 * 3 * 8 * 7, 2 * 5040),
        ("dw", 3 * 3 * 5 * 6 * 5, 2 * 1350),
        ("pool", 0, 3 * 2 * 5 * 2 * 3),
        ("fc", 7 * 3 * 2 * 5, 2 * 210),
        ("sum", 0, 7 * 2),
        ("flat", 0, 0),
    ],
)
def test_counts(name: str, macs: int, operations: int) -> None:
    graph = _graph()
    assert macs_of(graph, graph.op(name)) == macs
    assert workload_of(graph, graph.op(name)) == operations


def test_workloads_add_up_the_tree() -> None:
    graph = _graph()
    leaves = [Subgraph("a", {}, ["conv"]), Subgraph("b", {}, ["dw", "pool"])]
    dpu = Subgraph("dpu", {}, [], leaves)
    root = Subgraph("root", {}, [], [Subgraph("user", {}, ["x"]), dpu])
    assert set_workloads(graph, root) == 10080 + 2700 + 180
    assert [leaf.attrs["workload"] for leaf in leaves] == [10080, 2880]
    assert dpu.attrs["workload"] == root.attrs["workload"] == 12960
    assert root.children[0].attrs["workload"] == 0


def test_a_transposed_convolution_uses_its_kernel_once_an_input_pixel() -> None:
    graph = Graph("g")
    graph.add(Op("x", "data-fix", Tensor("x", (1, 62, 54, 64))))
    for name, dims in (("w", (64, 4, 4, 64)), ("b", (64,))):
        graph.add(Op(name, "const-fix", Tensor(name, dims), {}, {}, np.zeros(dims)))
    args = {"input": ["x"], "weights": ["w"], "bias": ["b"]}
    op = graph.add(
        Op("t", "transposed-conv2d-fix", Tensor("t", (1, 248, 216, 64)), args, {"stride": [4, 4]})
    )
    assert macs_of(graph, op) == 62 * 54 * 64 * 64 * 4 * 4
    # As AMD's compiler counts PointPillars' third such layer, with its biases.
    assert workload_of(graph, op) == 442_257_408


def test_counts_are_those_of_amds_compiler(shared: Path) -> None:
    checked = 0
    for path in sorted((shared / "given" / "xmodels").glob("vai*.xmodel")):
        graph = read_xmodel(path)
        for op in graph:
            if "weights" in op.args and "workload" in op.attrs:
                assert workload_of(graph, op) == op.attrs["workload"], op.name
                checked += 1
    assert checked >= 20
