from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from host.graph.graph import Graph, Op, Subgraph, Tensor, const
from host.xmodel.definitions import REQUIRED
from host.xmodel.reader import read_xmodel
from host.xmodel.schema import GraphMessage
from host.xmodel.writer import serialize, write_xmodel
from target.errors import ModelError, OutputError

GIVEN = [
    "beetlebox_sign_language_mnist_a",
    "dpupynq35_mnist_kria",
    "vai2.5.tf2_custom_op_zcu",
    "vai3.0.pointpillars_zcu",
    "vai3.0.tf2_custom_op_zcu",
]


def _graph() -> Graph:
    graph = Graph("net")
    graph.attrs = {"origin": "tensorflow2", "files_md5sum": {"a": "b"}}
    tensor = Tensor("x_fix", (1, 2), "xint8", {"fix_point": -1, "stride": [2, 1]})
    graph.add(Op("x", "data-fix", tensor, {}, {"shape": [1, 2], "data_type": "XINT8"}))
    inline = Op("w", "const-fix", Tensor("w", (1, 2), "xint8", {"fix_point": 3}))
    inline.data = np.int8([[-128, 127]])
    graph.add(inline)
    packed = Op(
        "v", "const-fix", Tensor("v", (2,), "xint8", {"fix_point": 3, "reg_id": 0, "ddr_addr": 0})
    )
    packed.data = np.int8([4, -5])
    graph.add(packed)
    graph.add(const("k", np.float32([0.1, -1e-9])))
    args = {"input": ["x"], "weights": ["w"]}
    graph.add(Op("y", "thing", Tensor("y", (1, 2), "float32"), args, {"alpha": 0.5, "__role": "z"}))
    graph.root = Subgraph(
        "root",
        {"workload": 7},
        [],
        [
            Subgraph("user", {"device": "USER"}, ["x"]),
            Subgraph(
                "dpu",
                {"device": "DPU", "reg_id_to_parameter_value": {"REG_0": b"\x04\xfb"}},
                [],
                [Subgraph("leaf", {"skip_code_gen": True}, ["v", "w", "k", "y"])],
            ),
        ],
    )
    return graph


@pytest.mark.parametrize("name", GIVEN)
def test_real_files_survive_reading_and_writing(shared: Path, name: str, tmp_path: Path) -> None:
    path = shared / "given" / "xmodels" / f"{name}.xmodel"
    original, again = GraphMessage(), GraphMessage()
    original.ParseFromString(path.read_bytes())
    original.DiscardUnknownFields()  # the op definitions, field 101, which xir has built in
    write_xmodel(read_xmodel(path), tmp_path / "again.xmodel")
    again.ParseFromString((tmp_path / "again.xmodel").read_bytes())
    assert again == original


def test_graph_survives_writing_and_reading(tmp_path: Path) -> None:
    graph = _graph()
    write_xmodel(graph, tmp_path / "net.xmodel")
    again = read_xmodel(tmp_path / "net.xmodel")
    assert again.name == "net"
    assert again.attrs == graph.attrs
    assert again.root == graph.root
    assert [op.name for op in again] == [op.name for op in graph]
    for before, after in zip(graph, again):
        assert (after.type, after.args) == (before.type, before.args)
        assert after.tensor == before.tensor
        public = {key: value for key, value in before.attrs.items() if not key.startswith("__")}
        made = {"shape", "data_type", "data"}  # what the file says besides
        assert {k: v for k, v in after.attrs.items() if k not in made - set(public)} == public
        if before.data is not None:
            assert after.data is not None and after.data.dtype == before.data.dtype
            np.testing.assert_array_equal(after.data, before.data)


@pytest.mark.parametrize("name", GIVEN)
def test_real_files_have_the_attributes_that_xir_demands(shared: Path, name: str) -> None:
    for op in read_xmodel(shared / "given" / "xmodels" / f"{name}.xmodel"):
        if op.type in REQUIRED:
            assert set(REQUIRED[op.type]) - {"data"} <= set(op.attrs), op.name


def test_every_op_has_the_attributes_that_xir_demands(released: dict[str, Path]) -> None:
    for folder in released.values():
        for file in folder.glob("*.xmodel"):
            message = GraphMessage()
            message.ParseFromString(serialize(read_xmodel(file)))
            for node in message.op_node:
                assert set(REQUIRED[node.op_type]) <= set(node.op_attr), node.op_name


def test_an_op_without_what_xir_demands_is_refused() -> None:
    graph = _graph()
    graph.add(Op("p", "maxpool2d", Tensor("p", (1, 2)), {"input": ["x"]}, {"kernel": [1, 1]}))
    message = (
        r"op 'p' \(maxpool2d\) must have the attributes .* got none of \['stride', 'pad_mode'\]"
    )
    with pytest.raises(ModelError, match=message):
        serialize(graph)


def test_weights_of_the_blob_are_not_written_twice() -> None:
    message = GraphMessage()
    message.ParseFromString(serialize(_graph()))
    data = {node.op_name: node.op_attr["data"].bytes_value.value for node in message.op_node}
    assert data["v"] == b""
    assert data["w"] == b"\x80\x7f"
    assert data["k"] == np.float32([0.1, -1e-9]).tobytes()
    constant = next(node for node in message.op_node if node.op_name == "v")
    assert "data" in constant.op_attr  # xir demands the key


def test_same_graph_gives_the_same_bytes() -> None:
    first = _graph()
    second = _graph()
    second.attrs = dict(reversed(second.attrs.items()))
    second.op("x").attrs = dict(reversed(second.op("x").attrs.items()))
    assert serialize(first) == serialize(second) == serialize(first.copy())


def test_file_begins_with_the_graphs_name() -> None:
    assert serialize(_graph())[:5] == b"\x0a\x03net"


@pytest.mark.parametrize("dtype", ["", "int", "8", "complex64", "xint 8"])
def test_unknown_dtype_is_refused(dtype: str) -> None:
    graph = _graph()
    graph.op("y").tensor.dtype = dtype
    with pytest.raises(
        ModelError, match=f"tensor of op 'y' must have a known dtype, got '{dtype}'"
    ):
        serialize(graph)


def test_attribute_that_does_not_fit_names_the_op() -> None:
    graph = _graph()
    graph.op("y").attrs["object"] = object()
    with pytest.raises(ModelError, match="attribute 'object' of 'y' must fit the .xmodel format"):
        serialize(graph)


def test_nothing_is_written_where_nothing_can_be(read_only: Path) -> None:
    with pytest.raises(OutputError, match="output folder must be writable"):
        write_xmodel(_graph(), read_only / "net.xmodel")
