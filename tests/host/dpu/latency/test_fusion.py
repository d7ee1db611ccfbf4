from __future__ import annotations

from pathlib import Path

import pytest

from host.dpu.latency.boards import find_release
from host.dpu.latency.fusion import group_layers
from host.graph.graph import Graph
from host.xmodel.reader import read_xmodel
from tests.host.dpu.latency.made import add, conv, new_graph, place, place_all

MAP = (1, 8, 8, 16)


def _names(graph: Graph, release: str = "3.0") -> list[list[str]]:
    (part,) = graph.subgraphs("DPU")
    return [[op.name for op in group] for group in group_layers(graph, part, find_release(release))]


def _types(path: Path) -> list[list[str]]:
    graph = read_xmodel(path)
    (part,) = graph.subgraphs("DPU")
    groups = group_layers(graph, part, find_release("3.0"))
    return [[op.type for op in group] for group in groups]


def _chain(kind: str, **attrs: object) -> Graph:
    """Return convolution - another op, which is in the second convolution's way."""
    graph = new_graph(MAP)
    conv(graph, "c", "x", MAP)
    shape = (1, 1, 1, 16) if kind == "depthwise-conv2d-fix" else ()
    add(graph, "next", kind, MAP, ["c", "x"] if kind == "eltwise-fix" else ["c"], shape, **attrs)
    return place_all(graph)


@pytest.mark.parametrize(
    ("kind", "attrs", "release", "fused"),
    [
        ("pool-fix", {"kernel": [2, 2], "type": "MAX"}, "3.0", True),
        ("pool-fix", {"kernel": [2, 2], "type": "AVG"}, "3.0", False),
        ("depthwise-conv2d-fix", {"kernel": [1, 1]}, "3.0", True),
        ("depthwise-conv2d-fix", {"kernel": [3, 3]}, "3.0", False),
        ("eltwise-fix", {"type": "ADD"}, "2.0", True),
        ("eltwise-fix", {"type": "ADD"}, "1.4", False),
        ("hard-sigmoid-fix", {}, "3.0", False),
    ],
    ids=[
        *("max pool", "average", "batch norm", "depthwise 3x3"),
        *("sum since 2.0", "sum before 2.0", "hard sigmoid"),
    ],
)
def test_convolution_takes_in_what_it_can(
    kind: str, attrs: dict[str, object], release: str, fused: bool
) -> None:
    expected = [["c", "next"]] if fused else [["c"], ["next"]]
    assert _names(_chain(kind, **attrs), release) == expected


def test_convolution_takes_in_nothing_if_others_need_its_result() -> None:
    graph = new_graph(MAP)
    conv(graph, "c", "x", MAP)
    add(graph, "pool", "pool-fix", MAP, ["c"], kernel=[2, 2], type="MAX")
    add(graph, "sum", "eltwise-fix", MAP, ["c", "pool"], type="ADD")
    assert _names(place_all(graph)) == [["c"], ["pool"], ["sum"]]


def test_a_sum_of_two_convolutions_is_taken_in_once() -> None:
    graph = new_graph(MAP)
    conv(graph, "a", "x", MAP)
    conv(graph, "b", "x", MAP)
    add(graph, "sum", "eltwise-fix", MAP, ["a", "b"], type="ADD")
    assert _names(place_all(graph)) == [["a"], ["b", "sum"]]  # by the last of its inputs


def test_ops_that_only_name_bytes_anew_are_no_layers() -> None:
    graph = new_graph(MAP)
    add(graph, "in", "upload", MAP, ["x"])
    conv(graph, "a", "in", MAP)
    add(graph, "both", "concat-fix", (1, 8, 8, 32), ["a", "a"], axis=3)
    add(graph, "flat", "reshape-fix", (1, 2048), ["both"])
    add(graph, "out", "download", (1, 2048), ["flat"])
    assert _names(place_all(graph)) == [["a"]]


def test_leaves_of_amds_compiler_tell_more_than_the_rules() -> None:
    graph = new_graph(MAP)
    conv(graph, "a", "x", MAP)
    add(graph, "pool", "pool-fix", MAP, ["a"], kernel=[2, 2], type="MAX")
    add(graph, "average", "pool-fix", MAP, ["pool"], kernel=[2, 2], type="AVG")
    graph.attrs = {}
    place(graph, ["a_weights", "a_bias", "a"], ["pool", "average"])
    assert _names(graph) == [["a"], ["pool", "average"]]


def test_a_part_without_leaves_is_grouped_by_the_rules() -> None:
    graph = _chain("pool-fix", kernel=[2, 2], type="MAX")
    graph.attrs = {}
    (part,) = graph.subgraphs("DPU")
    part.ops, part.children = part.all_ops(), []
    assert _names(graph) == [["c", "next"]]


def test_tutorial_is_grouped_as_in_amds_file_of_it(shared: Path, released: dict[str, Path]) -> None:
    ours = _types(released["tutorial"] / "tutorial.xmodel")
    assert ours == [
        ["conv2d-fix", "depthwise-conv2d-fix"],
        ["pool-fix"],
        ["conv2d-fix", "depthwise-conv2d-fix"],
        ["pool-fix"],
        ["conv2d-fix"],
        ["conv2d-fix"],
    ]
    amds = shared / "given" / "xmodels" / "beetlebox_sign_language_mnist_a.xmodel"
    assert _types(amds) == ours


@pytest.mark.parametrize(
    "name",
    ["dpupynq35_mnist_kria", "vai3.0.tf2_custom_op_zcu", "vai3.0.pointpillars_zcu"],
    ids=["MNIST", "custom op", "PointPillars"],
)
def test_rules_group_as_amds_compiler_did(shared: Path, name: str) -> None:
    graph = read_xmodel(shared / "given" / "xmodels" / f"{name}.xmodel")
    release = find_release("3.0")
    told = [group_layers(graph, part, release) for part in graph.subgraphs("DPU")]
    graph.attrs["toolchain"] = "builtin"
    assert [group_layers(graph, part, release) for part in graph.subgraphs("DPU")] == told
