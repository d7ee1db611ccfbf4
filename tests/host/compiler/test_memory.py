from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest

from host.compiler.memory import lay_out
from host.dpu.arch import ARCHS, ZCU104, DpuArch
from host.graph.graph import Graph, Op, Subgraph, Tensor


def _laid_out(arch: DpuArch) -> tuple[Graph, Subgraph]:
    """Upload -> convolution -> pool -> download, with 6 and 3 bytes of constants."""
    graph = Graph("g")

    def add(name: str, kind: str, dims: tuple[int, ...], **args: Any) -> None:
        data = args.pop("data", None)
        tensor = Tensor(name, dims, "xint8", {"fix_point": 1})
        graph.add(Op(name, kind, tensor, {arg: [n] for arg, n in args.items()}, {}, data))

    add("x", "data-fix", (1, 3, 4, 2))
    add("up", "upload", (1, 3, 4, 2), input="x")
    add("w", "const-fix", (3, 1, 1, 2), data=np.arange(-3, 3, dtype=np.int8).reshape(3, 1, 1, 2))
    add("b", "const-fix", (3,), data=np.int8([7, -8, 9]))
    add("conv", "conv2d-fix", (1, 3, 4, 3), input="up", weights="w", bias="b")
    add("mid", "pool-fix", (1, 5, 7, 3), input="conv")
    add("last", "pool-fix", (1, 1, 1, 3), input="mid")
    add("down", "download", (1, 1, 1, 3), input="last")
    dpu = Subgraph("dpu", {}, [op.name for op in graph if op.name != "x"])
    lay_out(graph, dpu, arch)
    return graph, dpu


def _place(graph: Graph, name: str) -> tuple[int, int]:
    attrs = graph.op(name).tensor.attrs
    return attrs["reg_id"], attrs["ddr_addr"]


def test_weights_lie_in_reg_0_at_multiples_of_4096() -> None:
    graph, dpu = _laid_out(ZCU104)
    blob = dpu.attrs["reg_id_to_parameter_value"]["REG_0"]
    assert (_place(graph, "w"), _place(graph, "b")) == ((0, 0), (0, 4096))
    assert len(blob) == 8192
    assert np.frombuffer(blob, np.int8)[:6].tolist() == [-3, -2, -1, 0, 1, 2]
    assert np.frombuffer(blob, np.int8)[4096:4099].tolist() == [7, -8, 9]
    assert sum(byte != 0 for byte in blob) == 5 + 3


def test_older_releases_pack_weights() -> None:
    (arch,) = (arch for arch in ARCHS if "2.5" in arch.releases)
    graph, dpu = _laid_out(arch)
    assert (_place(graph, "w"), _place(graph, "b")) == ((0, 0), (0, 6))
    assert dpu.attrs["reg_id_to_parameter_value"]["REG_0"] == bytes(
        [253, 254, 255, 0, 1, 2, 7, 248, 9]
    )


def test_maps_lie_in_their_registers() -> None:
    graph, dpu = _laid_out(ZCU104)
    assert _place(graph, "up") == (2, 0)
    assert _place(graph, "conv") == (1, 0)
    assert _place(graph, "mid") == (1, 64)  # 36 bytes, and the next multiple of 64
    assert _place(graph, "last") == (3, 0)
    for name in ("x", "down"):
        assert "reg_id" not in graph.op(name).tensor.attrs
    assert graph.op("conv").tensor.attrs["stride"] == [36, 12, 3, 1]
    assert graph.op("conv").tensor.attrs["location"] == 1
    sizes = {"REG_0": 8192, "REG_1": 64 + 128, "REG_2": 64, "REG_3": 64}
    assert dpu.attrs["reg_id_to_size"] == sizes


def test_maps_do_not_overlap() -> None:
    graph, dpu = _laid_out(ZCU104)
    taken: dict[int, list[tuple[int, int]]] = {}
    for name in dpu.ops:
        attrs, dims = graph.op(name).tensor.attrs, graph.op(name).tensor.dims
        if "reg_id" in attrs:
            end = attrs["ddr_addr"] + int(np.prod(dims))
            assert end <= dpu.attrs["reg_id_to_size"][f"REG_{attrs['reg_id']}"]
            taken.setdefault(attrs["reg_id"], []).append((attrs["ddr_addr"], end))
    for spans in taken.values():
        spans.sort()
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))


def test_subgraph_names_the_dpu_and_its_registers() -> None:
    _, dpu = _laid_out(ZCU104)
    assert dpu.attrs["dpu_name"] == "DPUCZDX8G_ISA1_B4096"
    assert dpu.attrs["dpu_fingerprint"] == 0x101000056010407
    assert list(dpu.attrs["reg_id_to_context_type"].values()) == ["CONST", "DATA", "DATA", "DATA"]
    assert dpu.attrs["reg_id_to_context_type_v2"]["REG_3"] == "INTERFACE"
    assert dpu.attrs["reg_id_to_hw_segment"] == {
        "REG_0": "W0",
        "REG_1": "D0",
        "REG_2": "D0",
        "REG_3": "D0",
    }


@pytest.mark.parametrize("alignment", [1, 16, 4096])
def test_every_constant_is_aligned(alignment: int) -> None:
    graph, dpu = _laid_out(dataclasses.replace(ZCU104, weight_alignment=alignment))
    assert _place(graph, "b")[1] % alignment == 0
    assert len(dpu.attrs["reg_id_to_parameter_value"]["REG_0"]) % alignment == 0
