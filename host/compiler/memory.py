"""Lays out what the DPU reads and writes: weights in REG_0, workspace REG_1, inputs REG_2, outputs REG_3.

Weights are plain row-major int8, each constant at a multiple of 4096 bytes, as release 3.0 does.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from host.dpu.arch import DpuArch
from host.graph.graph import Graph, Op, Subgraph, Tensor

WEIGHTS, WORKSPACE, INPUT, OUTPUT = 0, 1, 2, 3
_IN_DDR = 1
_MAP_ALIGNMENT = 64


def lay_out(graph: Graph, subgraph: Subgraph, arch: DpuArch) -> None:
    """Give every tensor of a DPU subgraph its register and address; fill the subgraph's attributes."""
    ops = [graph.op(name) for name in subgraph.all_ops()]
    blob = _place_weights([op for op in ops if op.data is not None], arch.weight_alignment)
    sizes = {WEIGHTS: len(blob), WORKSPACE: 0, INPUT: 0, OUTPUT: 0}
    doors = {_before_reshapes(graph, op) for op in ops if op.type == "download"}
    for op in ops:
        if op.data is not None or op.type == "download":
            continue
        register = INPUT if op.type == "upload" else OUTPUT if op.name in doors else WORKSPACE
        if op.type == "reshape-fix":  # no code: the same bytes under another shape
            _place_alias(op.tensor, graph.input(op).tensor)
        else:
            _place(op.tensor, register, sizes)
    subgraph.attrs.update(
        {
            "dpu_name": arch.name,
            "dpu_fingerprint": arch.fingerprint,
            "debug_mode": "null",
            "reg_id_to_context_type": _registers("CONST", "DATA", "DATA", "DATA"),
            "reg_id_to_context_type_v2": _registers("CONST", "WORKSPACE", "INTERFACE", "INTERFACE"),
            "reg_id_to_hw_segment": _registers("W0", "D0", "D0", "D0"),
            "reg_id_to_size": {f"REG_{register}": size for register, size in sizes.items()},
            "reg_id_to_parameter_value": {f"REG_{WEIGHTS}": blob},
        }
    )


def _before_reshapes(graph: Graph, download: Op) -> str:
    op = graph.input(download)
    while op.type == "reshape-fix":
        op = graph.input(op)
    return op.name


def _registers(*values: Any) -> dict[str, Any]:
    return {f"REG_{register}": value for register, value in enumerate(values)}


def _place_weights(constants: list[Op], alignment: int) -> bytes:
    blob = bytearray()
    for op in constants:
        assert op.data is not None
        blob += bytes(-len(blob) % alignment)
        op.tensor.attrs.update({"reg_id": WEIGHTS, "ddr_addr": len(blob), "location": _IN_DDR})
        blob += np.ascontiguousarray(op.data, dtype=np.int8).tobytes()
    blob += bytes(-len(blob) % alignment)
    return bytes(blob)


def _place_alias(tensor: Tensor, original: Tensor) -> None:
    shared = {key: original.attrs[key] for key in ("reg_id", "ddr_addr", "location")}
    tensor.attrs.update({**shared, "stride": _strides(tensor)})


def _strides(tensor: Tensor) -> list[int]:
    return [math.prod(tensor.dims[axis + 1 :]) for axis in range(len(tensor.dims))]


def _place(tensor: Tensor, register: int, sizes: dict[int, int]) -> None:
    tensor.attrs.update(
        {
            "reg_id": register,
            "ddr_addr": sizes[register],
            "location": _IN_DDR,
            "stride": _strides(tensor),
        }
    )
    size = math.prod(tensor.dims)
    sizes[register] += size + -size % _MAP_ALIGNMENT
