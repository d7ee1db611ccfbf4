"""Cycles of ops: by hand, and against attribute `workload_on_arch` of files that AMD's compilers made."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from host.dpu.latency.cycles import Cycles, cycles_of, is_augmented, map_of
from host.graph.graph import Graph, Op
from host.xmodel.reader import read_xmodel
from tests.host.dpu.latency.made import add, new_graph

ARRAY_OPS = 2 * 8 * 16 * 16  # a cycle: two a multiply-add, 8 rows, 16 x 16 channels
ALU_OPS = 4 * 16  # a cycle: one, 4 rows, 16 channels


def _conv(
    dims_in: tuple[int, ...], dims: tuple[int, ...], kernel_h: int, kernel_w: int
) -> tuple[Graph, Op]:
    graph = new_graph(dims_in)
    weights = (dims[-1], kernel_h, kernel_w, dims_in[-1])
    return graph, add(graph, "op", "conv2d-fix", dims, ["x"], weights)


@pytest.mark.parametrize(
    ("dims_in", "dims", "kernel", "isa", "cycles"),
    [
        # rows / 8 * columns * kernel * input channels / 16 * output channels / 16, all rounded up
        pytest.param((1, 28, 28, 1), (1, 28, 28, 28), (3, 3), 0, 4 * 28 * 9 * 1 * 2, id="isa0"),
        pytest.param(
            (1, 28, 28, 1), (1, 28, 28, 28), (3, 3), 1, 4 * 28 * 3 * 1 * 2, id="augmented"
        ),
        pytest.param(
            (1, 22, 22, 8), (1, 16, 16, 16), (7, 7), 1, 2 * 16 * 7 * 4 * 1, id="8 channels"
        ),
        pytest.param((1, 22, 22, 9), (1, 16, 16, 16), (7, 7), 1, 2 * 16 * 49 * 1, id="9 channels"),
        pytest.param((1, 9, 5, 17), (1, 9, 5, 16), (1, 1), 1, 2 * 5 * 1 * 2 * 1, id="one row over"),
        pytest.param((1, 8, 5, 16), (1, 8, 5, 17), (1, 1), 1, 1 * 5 * 1 * 1 * 2, id="17 outputs"),
        pytest.param((1, 9, 9, 16), (1, 8, 7, 16), (2, 3), 1, 1 * 7 * 6 * 1 * 1, id="rectangle"),
        pytest.param((1, 7, 7, 64), (1, 1, 1, 512), (7, 7), 1, 1 * 1 * 49 * 4 * 32, id="dense"),
    ],
)
def test_convolution_takes_8_rows_and_16_by_16_channels_a_cycle(
    dims_in: tuple[int, ...],
    dims: tuple[int, ...],
    kernel: tuple[int, int],
    isa: int,
    cycles: int,
) -> None:
    graph, op = _conv(dims_in, dims, *kernel)
    assert cycles_of(graph, op, isa) == Cycles(cycles, 0)


@pytest.mark.parametrize(
    ("kind", "channels", "isa", "augmented"),
    [
        ("conv2d-fix", 8, 1, True),
        ("conv2d-fix", 9, 1, False),
        ("conv2d-fix", 3, 0, False),
        ("depthwise-conv2d-fix", 3, 1, False),
    ],
    ids=["8 channels", "9 channels", "isa0", "depthwise"],
)
def test_is_augmented_where_two_pixels_share_the_16_lanes(
    kind: str, channels: int, isa: int, augmented: bool
) -> None:
    graph = new_graph((1, 8, 8, channels))
    op = add(graph, "op", kind, (1, 8, 8, channels), ["x"], (1, 3, 3, channels))
    assert is_augmented(graph, op, isa) is augmented


@pytest.mark.parametrize(
    ("stride", "kernel", "dims", "cycles"),
    [
        # rows and columns by stride; stride x stride parts of the kernel; 64 of 64 channels
        pytest.param(4, 4, (1, 248, 216, 64), 8 * 54 * 16 * 4 * 4, id="kernel of the stride"),
        pytest.param(2, 3, (1, 124, 108, 64), 8 * 54 * (2 * 2 * 4) * 4 * 4, id="kernel over it"),
        pytest.param(1, 1, (1, 62, 54, 64), 8 * 54 * 1 * 4 * 4, id="stride 1"),
    ],
)
def test_transposed_convolution_is_stride_times_stride_convolutions(
    stride: int, kernel: int, dims: tuple[int, ...], cycles: int
) -> None:
    graph = new_graph((1, 62, 54, 64))
    shape = (64, kernel, kernel, 64)
    op = add(graph, "op", "transposed-conv2d-fix", dims, ["x"], shape, stride=[stride, stride])
    assert cycles_of(graph, op, 1) == Cycles(cycles, 0)


@pytest.mark.parametrize(
    ("kind", "dims", "attrs", "sources", "isa", "cycles"),
    [
        # rows / 4 * columns * elements of a window * channels / 16
        pytest.param(
            "pool-fix", (1, 13, 13, 32), {"kernel": [2, 2]}, 1, 1, 4 * 13 * 4 * 2, id="pool"
        ),
        pytest.param(
            "pool-fix", (1, 5, 7, 20), {"kernel": [3, 2]}, 1, 0, 2 * 7 * 6 * 2, id="3x2 pool"
        ),
        pytest.param("eltwise-fix", (1, 14, 14, 64), {}, 2, 1, 4 * 14 * 1 * 4, id="sum"),
        pytest.param("eltwise-fix", (1, 14, 14, 64), {}, 3, 1, 4 * 14 * 2 * 4, id="sum of three"),
        pytest.param(
            "eltwise-fix", (1, 14, 14, 64), {}, 2, 0, 14 * 14 * 1 * 4, id="sum, row by row"
        ),
        pytest.param("hard-sigmoid-fix", (1, 1, 1, 10), {}, 1, 1, 1, id="hard sigmoid"),
        pytest.param("upsample-fix", (1, 8, 6, 16), {}, 1, 1, 2 * 6 * 1 * 1, id="upsample"),
        pytest.param("pad-fix", (1, 9, 6, 16), {}, 1, 1, 3 * 6 * 1 * 1, id="pad"),
        pytest.param("eltwise-fix", (1, 100), {}, 2, 1, 1 * 1 * 1 * 7, id="no map"),
        pytest.param("concat-fix", (1, 8, 8, 32), {}, 2, 1, 0, id="concat"),
        pytest.param("reshape-fix", (1, 64), {}, 1, 1, 0, id="reshape"),
        pytest.param("download", (1, 64), {}, 1, 1, 0, id="download"),
    ],
)
def test_alu_takes_4_rows_and_16_channels_a_cycle(
    kind: str,
    dims: tuple[int, ...],
    attrs: dict[str, list[int]],
    sources: int,
    isa: int,
    cycles: int,
) -> None:
    graph = new_graph(dims)
    op = add(graph, "op", kind, dims, ["x"] * sources, **attrs)
    assert cycles_of(graph, op, isa) == Cycles(0, cycles)


@pytest.mark.parametrize(
    ("multiplier", "channels", "cycles"),
    [(1, 28, 4 * 12 * 9 * 2), (3, 28, 4 * 12 * 9 * 6)],  # 28 -> 2 groups of 16, 84 -> 6
    ids=["one kernel a channel", "three kernels a channel"],
)
def test_depthwise_convolution_runs_on_the_alu(multiplier: int, channels: int, cycles: int) -> None:
    graph = new_graph((1, 14, 14, channels))
    dims = (1, 14, 12, multiplier * channels)
    shape = (multiplier, 3, 3, channels)
    op = add(graph, "op", "depthwise-conv2d-fix", dims, ["x"], shape)
    assert cycles_of(graph, op, 1) == Cycles(0, cycles)


@pytest.mark.parametrize(
    ("dims", "found"),
    [((1, 2, 3, 4), (2, 3, 4)), ((1, 25), (1, 1, 25)), ((1, 3, 5), (1, 1, 15)), ((1,), (1, 1, 1))],
    ids=["map", "vector", "three", "one"],
)
def test_map_of_anything_is_height_width_channels(
    dims: tuple[int, ...], found: tuple[int, int, int]
) -> None:
    assert map_of(dims) == found


def _operations(graph: Graph, op: Op) -> int:
    """Return the operations of the cycles, padding included, and the additions of the bias."""
    cycles = cycles_of(graph, op, isa=1)
    rows, columns, channels = map_of(op.tensor.dims)
    if op.type == "transposed-conv2d-fix":  # each of its parts is padded by itself
        _, stride_h = op.attrs["stride"]
        rows = stride_h * 8 * math.ceil(rows / stride_h / 8)
    biases = 8 * math.ceil(rows / 8) * columns * 16 * math.ceil(channels / 16)
    return ARRAY_OPS * cycles.array + ALU_OPS * cycles.alu + (biases if cycles.array else 0)


@pytest.mark.parametrize(
    ("name", "ops"),
    [
        ("dpupynq35_mnist_kria", {"conv2d-fix": 3, "pool-fix": 1}),
        ("vai2.5.tf2_custom_op_zcu", {"conv2d-fix": 4, "pool-fix": 2}),
        ("vai3.0.tf2_custom_op_zcu", {"conv2d-fix": 4, "pool-fix": 2}),
        (
            "vai3.0.pointpillars_zcu",
            {"conv2d-fix": 20, "pool-fix": 1, "transposed-conv2d-fix": 3},
        ),
    ],
    ids=["MNIST 3.5", "custom op 2.5", "custom op 3.0", "PointPillars 3.0"],
)
def test_cycles_are_the_operations_that_amds_compilers_count(
    shared: Path, name: str, ops: dict[str, int]
) -> None:
    graph = read_xmodel(shared / "given" / "xmodels" / f"{name}.xmodel")
    counted = [op for op in graph if "workload_on_arch" in op.attrs]
    kinds = [op.type for op in counted]
    assert {kind: kinds.count(kind) for kind in kinds} == ops
    ours = {op.name: _operations(graph, op) for op in counted}
    assert ours == {op.name: op.attrs["workload_on_arch"] for op in counted}
