from __future__ import annotations

import numpy as np

from host.compiler.check import Verdict
from host.compiler.partition import partition
from host.graph.graph import Graph, Op, Subgraph, Tensor


class _Builder:
    """Adds ops with a device each, then partitions."""

    def __init__(self) -> None:
        self.graph = Graph("g")
        self._verdicts: list[Verdict] = []

    def add(self, name: str, device: str, *sources: str) -> None:
        """Add an op; a name with a w gets a constant of its own."""
        args = {"input": list(sources)} if sources else {}
        tensor = Tensor(f"{name}_t", (1, 2), "xint8", {"fix_point": 3})
        if name.startswith("w"):
            constant = Op(f"{name}_k", "const-fix", Tensor(f"{name}_k", (2,), "xint8"))
            constant.data = np.zeros(2, np.int8)
            self.graph.add(constant)
            args["weights"] = [constant.name]
        kind = {"USER": "data-fix", "DPU": "conv2d-fix", "CPU": "relu"}[device]
        self.graph.add(Op(name, kind, tensor, args))
        self._verdicts.append(Verdict(name, device, ""))

    def parts(self) -> list[tuple[str, list[str]]]:
        """Partition; return device and ops of each child of the root."""
        partition(self.graph, self._verdicts)
        return [(child.device, child.all_ops()) for child in self.graph.subgraphs()]


def _line() -> _Builder:
    builder = _Builder()
    builder.add("x", "USER")
    builder.add("w1", "DPU", "x")
    builder.add("w2", "DPU", "w1")
    builder.add("c", "CPU", "w2")
    return builder


def _check(graph: Graph) -> None:
    """Every op is in exactly one leaf, in an order that can be run."""
    assert graph.root is not None
    assert sorted(graph.root.all_ops()) == sorted(op.name for op in graph)
    done: set[str] = set()
    for name in graph.root.all_ops():
        assert set(graph.op(name).input_names) <= done, name
        done.add(name)
    assert [op.name for op in graph if set(op.input_names) - done] == []


def test_line_has_doors_on_both_sides_of_the_dpu() -> None:
    builder = _line()
    assert builder.parts() == [
        ("USER", ["x"]),
        ("DPU", ["x_upload_0", "w1_k", "w1", "w2_k", "w2", "w2_download"]),
        ("CPU", ["c"]),
    ]
    graph = builder.graph
    _check(graph)
    assert graph.op("c").args == {"input": ["w2_download"]}
    assert graph.op("w1").args["input"] == ["x_upload_0"]
    # the download makes the tensor of the original name
    assert graph.op("w2_download").tensor.name == "w2_t"
    assert graph.op("w2").tensor.name == "w2_t_download_0"
    assert graph.op("x_upload_0").tensor.name == "x_t_upload_0"
    for name in ("x_upload_0", "w2_download"):
        assert graph.op(name).tensor.fix_point == 3
        assert graph.op(name).tensor.dims == (1, 2)


def test_every_op_has_its_device() -> None:
    builder = _line()
    builder.parts()
    devices = {op.name: op.attrs["device"] for op in builder.graph}
    assert devices == {
        "x": "USER", "x_upload_0": "DPU", "w1_k": "DPU", "w1": "DPU", "w2_k": "DPU", "w2": "DPU",
        "w2_download": "DPU", "c": "CPU",
    }  # fmt: skip


def test_attributes_of_the_tree() -> None:
    builder = _line()
    builder.parts()
    user, dpu, cpu = builder.graph.subgraphs()
    assert builder.graph.root is not None and builder.graph.root.name == "root"
    assert [child.name for child in (user, dpu, cpu)] == ["subgraph_x", "subgraph_w1", "subgraph_c"]
    assert dpu.attrs["runner"] == {
        "ref": "libvart-cpu-runner.so",
        "run": "libvart-dpu-runner.so",
        "sim": "libvart-sim-runner.so",
    }
    assert set(cpu.attrs["runner"].values()) == {"libvart-cpu-runner.so"}
    assert "runner" not in user.attrs
    assert (user.ops, cpu.ops, dpu.ops) == (["x"], ["c"], [])
    leaves: list[Subgraph] = dpu.children
    assert [leaf.ops for leaf in leaves] == [
        ["x_upload_0"],
        ["w1_k", "w1"],
        ["w2_k", "w2"],
        ["w2_download"],
    ]
    assert leaves[0].attrs == {"skip_code_gen": True}
    with_code = [leaf.name for leaf in leaves if "skip_code_gen" not in leaf.attrs]
    assert dpu.attrs["children_topological_sort"] == with_code
    assert leaves[1].name in with_code


def test_output_of_the_dpu_that_is_the_networks_gets_a_door() -> None:
    builder = _Builder()
    builder.add("x", "USER")
    builder.add("w1", "DPU", "x")
    assert builder.parts()[-1] == ("DPU", ["x_upload_0", "w1_k", "w1", "w1_download"])
    assert [op.name for op in builder.graph.outputs()] == ["w1_download"]


def test_tensor_used_inside_and_outside_is_downloaded_once() -> None:
    builder = _Builder()
    builder.add("x", "USER")
    builder.add("w1", "DPU", "x")
    builder.add("w2", "DPU", "w1")
    builder.add("a", "CPU", "w1")
    builder.add("b", "CPU", "w1")
    builder.parts()
    graph = builder.graph
    _check(graph)
    assert graph.op("w2").args["input"] == ["w1"]
    assert graph.op("a").args == graph.op("b").args == {"input": ["w1_download"]}


def test_dpu_ops_around_a_cpu_op_make_two_subgraphs() -> None:
    builder = _Builder()
    builder.add("x", "USER")
    builder.add("w1", "DPU", "x")
    builder.add("c", "CPU", "w1")
    builder.add("w2", "DPU", "c", "w1")
    parts = builder.parts()
    _check(builder.graph)
    assert [device for device, _ in parts] == ["USER", "DPU", "CPU", "DPU"]
    assert builder.graph.op("w2").args["input"] == ["c_upload_0", "w1_download_upload_0"]


def test_input_taken_in_by_two_dpu_subgraphs_has_two_uploads() -> None:
    builder = _Builder()
    builder.add("x", "USER")
    builder.add("w1", "DPU", "x")
    builder.add("c", "CPU", "w1")
    builder.add("w2", "DPU", "x", "c")
    builder.parts()
    _check(builder.graph)
    graph = builder.graph
    assert graph.op("w1").args["input"] == ["x_upload_0"]
    assert graph.op("w2").args["input"] == ["x_upload_1", "c_upload_0"]
    assert graph.op("x_upload_1").tensor.name == "x_t_upload_1"


def test_input_taken_in_twice_by_one_subgraph_has_one_upload() -> None:
    builder = _Builder()
    builder.add("x", "USER")
    builder.add("w1", "DPU", "x")
    builder.add("w2", "DPU", "x", "w1", "x")
    builder.parts()
    _check(builder.graph)
    assert builder.graph.op("w2").args["input"] == ["x_upload_0", "w1", "x_upload_0"]
    assert len(builder.graph.of_type("upload")) == 1


def test_independent_branches_share_subgraphs_by_depth() -> None:
    builder = _Builder()
    builder.add("x", "USER")
    builder.add("w1", "DPU", "x")
    builder.add("c", "CPU", "x")
    builder.add("w2", "DPU", "x")
    builder.add("sum", "CPU", "w1", "c", "w2")
    parts = builder.parts()
    _check(builder.graph)
    assert [device for device, _ in parts] == ["USER", "DPU", "CPU", "CPU"]


def test_whole_graph_on_the_cpu() -> None:
    builder = _Builder()
    builder.add("x", "USER")
    builder.add("c", "CPU", "x")
    assert builder.parts() == [("USER", ["x"]), ("CPU", ["c"])]
    assert builder.graph.of_type("upload", "download") == []
