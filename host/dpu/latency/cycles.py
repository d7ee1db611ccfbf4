"""Cycles of the DPU's two engines by op: the array of multipliers and the ALU beside it.

The array takes 8 rows, 16 input and 16 output channels a cycle; the ALU (depthwise convolutions,
pools, sums) 4 rows and 16 channels. Padded to that, the operations are exactly those in attribute
`workload_on_arch` of files that AMD's compilers of 2.5 and 3.0 made, with channel augmentation in
the first layer.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from host.graph.graph import Graph, Op

ARRAY_ROWS, ALU_ROWS, CHANNELS = 8, 4, 16
_ISA0_ELTWISE_ROWS = 1  # of the target file of release 2.0


class Cycles(NamedTuple):
    """Cycles of each engine."""

    array: int
    alu: int


def cycles_of(graph: Graph, op: Op, isa: int) -> Cycles:
    """Return the cycles of an op on a compiled graph at full speed; zero for ops that only name bytes anew.

    Args:
        graph: Of the op.
        op: With int8 tensors.
        isa: 0 or 1.
    """
    if op.type in ("conv2d-fix", "transposed-conv2d-fix"):
        return Cycles(_array_cycles(graph, op, isa), 0)
    if op.type in ("depthwise-conv2d-fix", "pool-fix", "transposed-depthwise-conv2d-fix"):
        width, height = op.attrs["kernel"]
        return Cycles(0, _alu_cycles(op, width * height, ALU_ROWS))
    if op.type == "eltwise-fix":
        rows = ALU_ROWS if isa else _ISA0_ELTWISE_ROWS
        return Cycles(0, _alu_cycles(op, max(len(op.args["input"]) - 1, 1), rows))
    if op.type in _PER_ELEMENT:
        return Cycles(0, _alu_cycles(op, 1, ALU_ROWS))
    return Cycles(0, 0)


_PER_ELEMENT = (
    *("hard-sigmoid-fix", "upsample-fix", "downsample-fix", "pad-fix"),
    *("argmax-fix", "reduction_max-fix", "strided_slice-fix"),
)


def is_augmented(graph: Graph, op: Op, isa: int) -> bool:
    """Say whether channel augmentation works: a kernel's row and its few channels share the 16 lanes."""
    return bool(isa) and op.type == "conv2d-fix" and 2 * graph.input(op).tensor.dims[-1] <= CHANNELS


def map_of(dims: tuple[int, ...]) -> tuple[int, int, int]:
    """Return height, width, channels of a tensor; one without a map is a map of one pixel."""
    if len(dims) == 4:
        return dims[1], dims[2], dims[3]
    return 1, 1, math.prod(dims[1:])


def _array_cycles(graph: Graph, op: Op, isa: int) -> int:
    rows, columns, channels = map_of(op.tensor.dims)
    _, kernel_h, kernel_w, channels_in = graph.input(op, "weights").tensor.dims
    if op.type == "transposed-conv2d-fix":
        # Stride x stride convolutions of a part of the kernel each.
        stride_w, stride_h = (int(stride) for stride in op.attrs["stride"])
        rows, columns = _tiles(rows, stride_h), _tiles(columns, stride_w)
        parts = stride_w * stride_h
        taps = _tiles(kernel_h, stride_h) * _tiles(kernel_w, stride_w) * parts
        inner = taps * _tiles(channels_in, CHANNELS)
    elif is_augmented(graph, op, isa):
        inner = kernel_h * _tiles(kernel_w * channels_in, CHANNELS)
    else:
        inner = kernel_h * kernel_w * _tiles(channels_in, CHANNELS)
    return _tiles(rows, ARRAY_ROWS) * columns * inner * _tiles(channels, CHANNELS)


def _alu_cycles(op: Op, taps: int, parallel_rows: int) -> int:
    rows, columns, channels = map_of(op.tensor.dims)
    return _tiles(rows, parallel_rows) * columns * taps * _tiles(channels, CHANNELS)


def _tiles(size: int, tile: int) -> int:
    return -(-size // tile)
