from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.dpu.emulator import Emulator
from host.xmodel.reader import MAX_TENSOR_ELEMENTS, read_xmodel
from host.xmodel.schema import GraphMessage
from target.errors import ModelError

MALFORMED = {
    "const_beyond_blob": "weights of op 'quant_conv2d_weights_new' must lie within the 103072 bytes of REG_0",
    "cyclic_args": "topological order without cycles, got input 'quant_conv2d_1' of op 'quant_conv2d'",
    "duplicate_op_names": "op names must be unique, got 'quant_conv2d' twice",
    "empty": "model file must hold ops, got none",
    "huge_dims": r"tensor of op 'input_1' must have 1 to 268435456 elements, got dims \[1, 2000000",
    "kernel_larger_than_input": "kernel of op 'quant_conv2d' must fit its padded input 28x28, got 35x35",
    "missing_reg_0": "weights of op 'quant_conv2d_weights_new' must be in REG_0 of subgraph",
    "random_bytes": "model file must be an .xmodel, got 4096 bytes that are not one",
    "truncated": "model file must be an .xmodel, got 67050 bytes that are not one",
    "unknown_op_type": "must be of a known type, got 'frobnicate-fix'; known:",
    "versal_dpu": r"DPU must be a DPUCZDX8G, got DPUCVDX8G_ISA3_C32B6 \(fingerprint 0x603000b56011861\)",
    "wrong_wire_types": "op must have a name and a type, got name .* type ''",
}  # fmt: skip


def _message() -> Any:
    """Return a small sound model: input -> upload -> 1x1 convolution -> download."""
    message = GraphMessage(graph_name="small")
    for name, kind in (
        ("x", "data-fix"),
        ("up", "upload"),
        ("w", "const-fix"),
        ("c", "conv2d-fix"),
        ("d", "download"),
    ):
        node = message.op_node.add(op_name=name, op_type=kind)
        tensor = node.output_tensor
        tensor.tensor_name = f"{name}_tensor"
        tensor.tensor_dim.extend(
            [2, 1, 1, 1] if name == "w" else [1, 1, 1, 2 if name in "cd" else 1]
        )
        tensor.data_type, tensor.tensor_bit_width = 2, 8
        tensor.tensor_attr["fix_point"].int32_value = 0
    nodes = {node.op_name: node for node in message.op_node}
    for name, source in (("up", "x"), ("c", "up"), ("d", "c")):
        nodes[name].args.add(arg_name="input", arg_ops=[source])
    nodes["c"].args.add(arg_name="weights", arg_ops=["w"])
    for key in ("kernel", "stride"):
        nodes["c"].op_attr[key].int32_vec_value.value.extend([1, 1])
    nodes["w"].output_tensor.tensor_attr["reg_id"].int32_value = 0
    nodes["w"].output_tensor.tensor_attr["ddr_addr"].int32_value = 3
    message.subg_root.subgraph_name = "root"
    user = message.subg_root.subg_child.add(subgraph_name="user", op_name=["x"])
    user.subg_attr["device"].string_value = "USER"
    dpu = message.subg_root.subg_child.add(subgraph_name="dpu", op_name=["up", "w", "c", "d"])
    dpu.subg_attr["device"].string_value = "DPU"
    dpu.subg_attr["dpu_name"].string_value = "DPUCZDX8G_ISA1_B4096"
    dpu.subg_attr["dpu_fingerprint"].uint64_value = 0x101000056010407
    blobs = dpu.subg_attr["reg_id_to_parameter_value"].map_string_2_bytes_value.value
    blobs["REG_0"].value = bytes([1, 2, 3, 5, 256 - 4])
    return message


def _write(tmp_path: Path, message: Any) -> Path:
    path = tmp_path / "m.xmodel"
    path.write_bytes(message.SerializeToString())
    return path


@pytest.mark.parametrize(("name", "message"), MALFORMED.items(), ids=MALFORMED)
def test_malformed_files_are_refused_with_what_is_wrong(
    shared: Path, name: str, message: str
) -> None:
    path = shared / "given" / "xmodels" / "malformed" / f"{name}.xmodel"
    with pytest.raises(ModelError, match=message) as caught:
        graph = read_xmodel(path)
        emulator = Emulator(graph, graph.of_type("download")[0].name)
        (source,) = emulator.inputs
        emulator.run({source.name: np.zeros(source.tensor.dims, np.int8)})
    assert "\n" not in str(caught.value)


def test_every_malformed_file_is_tested(shared: Path) -> None:
    folder = shared / "given" / "xmodels" / "malformed"
    assert {path.stem for path in folder.glob("*.xmodel")} == set(MALFORMED)


def test_small_model_is_read_and_runs(tmp_path: Path) -> None:
    graph = read_xmodel(_write(tmp_path, _message()))
    assert graph.name == "small"
    assert [op.name for op in graph] == ["x", "up", "w", "c", "d"]
    weights = graph.data_of(graph.op("c"), "weights")
    np.testing.assert_array_equal(weights.reshape(-1), [5, -4])  # at address 3
    assert graph.op("c").attrs["kernel"] == [1, 1]
    assert graph.op("c").tensor.dtype == "xint8"
    assert [subgraph.device for subgraph in graph.subgraphs()] == ["USER", "DPU"]
    values = Emulator(graph).run({"x": np.int8([[[[3]]]])})
    np.testing.assert_array_equal(values["d_tensor"].reshape(-1), [15, -12])


def test_given_files_bind_all_weights(shared: Path) -> None:
    graph = read_xmodel(shared / "given" / "xmodels" / "dpupynq35_mnist_kria.xmodel")
    constants = graph.of_type("const-fix")
    assert len(constants) == 6
    shapes = sorted(op.data.shape for op in constants if op.data is not None)
    assert shapes == [(10,), (10, 1, 1, 128), (32,), (32, 3, 3, 1), (128,), (128, 13, 13, 32)]
    (dpu,) = graph.subgraphs("DPU")
    assert dpu.attrs["dpu_fingerprint"] == 0x101000056010407
    assert dpu.attrs["reg_id_to_context_type_v2"]["REG_1"] == "WORKSPACE"
    assert graph.outputs()[0].type == "softmax"


def test_constant_with_its_own_bytes_keeps_them(tmp_path: Path) -> None:
    message = _message()
    message.op_node[2].op_attr["data"].bytes_value.value = bytes([7, 255])
    graph = read_xmodel(_write(tmp_path, message))
    np.testing.assert_array_equal(graph.data_of(graph.op("c"), "weights").reshape(-1), [7, -1])
    assert graph.op("w").attrs["data"] == b""


@pytest.mark.parametrize(
    ("data_type", "bits", "dtype", "values"),
    [
        (4, 32, "<f4", [1.5, -2]),
        (4, 64, "<f8", [0.1, 2]),
        (0, 32, "<i4", [-1, 70000]),
        (0, 64, "<i8", [2**40, 0]),
    ],
    ids=["float32", "float64", "int32", "int64"],
)
def test_constants_of_other_types_are_read(
    tmp_path: Path, data_type: int, bits: int, dtype: str, values: list[float]
) -> None:
    message = _message()
    node = message.op_node[2]
    node.op_type = "const"
    node.output_tensor.data_type, node.output_tensor.tensor_bit_width = data_type, bits
    node.op_attr["data"].bytes_value.value = np.array(values, dtype).tobytes()
    data = read_xmodel(_write(tmp_path, message)).op("w").data
    assert data is not None
    np.testing.assert_array_equal(data.reshape(-1), values)


def test_file_without_subgraphs_is_read(tmp_path: Path) -> None:
    message = _message()
    message.ClearField("subg_root")
    graph = read_xmodel(_write(tmp_path, message))
    assert graph.root is None
    assert graph.subgraphs("DPU") == []


Change = Callable[[Any], None]


def _set(path: str, value: Any) -> Change:
    """Return a function that sets `message.<path>`; an index in the path is a number."""

    def change(message: Any) -> None:
        *holders, last = path.split(".")
        for part in holders:
            message = message[int(part)] if part.isdigit() else getattr(message, part)
        setattr(message, last, value)

    return change


def _deep(message: Any) -> None:
    node = message.subg_root.subg_child[1]
    for _ in range(12):
        node = node.subg_child.add(subgraph_name="deeper")


def _attr(place: str, key: str, **value: Any) -> Change:
    """Return a function that changes an attribute of the op w, its tensor or the DPU subgraph."""

    def change(message: Any) -> None:
        attrs = {
            "tensor": message.op_node[2].output_tensor.tensor_attr,
            "op": message.op_node[3].op_attr,
            "dpu": message.subg_root.subg_child[1].subg_attr,
        }[place]
        attrs[key].Clear()
        for field, content in value.items():
            setattr(attrs[key], field, content)

    return change


def _both_lists(message: Any) -> None:
    message.subg_root.subg_child[0].op_name.append("c")


CHANGES: dict[str, tuple[Change, str]] = {
    "no-name": (_set("op_node.0.op_name", ""), "op must have a name and a type, got name ''"),
    "no-dims": (_set("op_node.3.output_tensor.data_type", 9), "must have a known type, got data_type 9"),
    "no-bits": (_set("op_node.3.output_tensor.tensor_bit_width", 0), "data_type 2 with 0 bits"),
    "missing-input": (
        lambda m: m.op_node[3].args[0].arg_ops.__setitem__(0, "nobody"),
        "op 'nobody' must be in graph 'small', got none of that name in .*m.xmodel",
    ),
    "own-input": (
        lambda m: m.op_node[3].args[0].arg_ops.__setitem__(0, "c"),
        "without cycles, got input 'c' of op 'c' behind it",
    ),
    "zero-dim": (
        lambda m: m.op_node[3].output_tensor.tensor_dim.__setitem__(3, 0),
        r"must have 1 to 268435456 elements, got dims \[1, 1, 1, 0\]",
    ),
    "unknown-op-in-subgraph": (
        lambda m: m.subg_root.subg_child[1].op_name.append("nobody"),
        "op 'nobody' must be in graph",
    ),
    "two-subgraphs": (_both_lists, "op 'c' must be in one subgraph, got 'user' and 'dpu'"),
    "deep": (_deep, "subgraphs must be at most 8 deep, got more"),
    "address-negative": (_attr("tensor", "ddr_addr", int32_value=-1), "5 bytes of REG_0, got 2 bytes at -1"),
    "address-missing": (_attr("tensor", "ddr_addr"), "5 bytes of REG_0, got 2 bytes at None"),
    "address-text": (_attr("tensor", "ddr_addr", string_value="3"), "got 2 bytes at 3"),
    "address-late": (_attr("tensor", "ddr_addr", int32_value=4), "5 bytes of REG_0, got 2 bytes at 4"),
    "other-register": (_attr("tensor", "reg_id", int32_value=5), r"in REG_5 .*, got registers \['REG_0'\]"),
    "no-registers": (_attr("dpu", "reg_id_to_parameter_value", int32_value=3), r"got registers \[\]"),
    "other-dpu": (_attr("dpu", "dpu_name", string_value="DPUCAHX8H"), r"got DPUCAHX8H \(fingerprint 0x10100"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "text"), CHANGES.values(), ids=CHANGES)
def test_inconsistent_files_are_refused(tmp_path: Path, change: Change, text: str) -> None:
    message = _message()
    change(message)
    with pytest.raises(ModelError, match=text) as caught:
        read_xmodel(_write(tmp_path, message))
    assert "m.xmodel" in str(caught.value)


def test_other_dpu_without_a_number_is_refused(tmp_path: Path) -> None:
    message = _message()
    _attr("dpu", "dpu_name", string_value="DPUCAHX8H")(message)
    _attr("dpu", "dpu_fingerprint", string_value="x")(message)
    with pytest.raises(ModelError, match=r"got DPUCAHX8H \(fingerprint unknown\)"):
        read_xmodel(_write(tmp_path, message))


@pytest.mark.parametrize("content", [b"\x01", b"\x0a\x03ab"], ids=["short", "half"])
def test_constant_of_another_size_is_refused(tmp_path: Path, content: bytes) -> None:
    message = _message()
    message.op_node[2].op_attr["data"].bytes_value.value = content
    with pytest.raises(
        ModelError, match=f"constant 'w' must have 2 xint8 values, got {len(content)} b"
    ):
        read_xmodel(_write(tmp_path, message))


def test_largest_tensor_is_counted_not_allocated(tmp_path: Path) -> None:
    message = _message()
    message.op_node[0].output_tensor.tensor_dim[:] = [1, 2**31, 2**31, 2**31]
    with pytest.raises(ModelError, match=f"1 to {MAX_TENSOR_ELEMENTS} elements"):
        read_xmodel(_write(tmp_path, message))


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match="model file must be readable, got 'No such file or directory' at"
    ):
        read_xmodel(tmp_path / "none.xmodel")
    with pytest.raises(ModelError, match="model file must be readable, got 'Is a directory' at"):
        read_xmodel(tmp_path)


VALUES: list[dict[str, Any]] = [
    {},
    {"int32_value": 2**31 - 1},
    {"int32_value": -1},
    {"float_value": float("nan")},
    {"string_value": "x"},
    {"bool_value": True},
]


@pytest.mark.parametrize("value", VALUES, ids=str)
@pytest.mark.parametrize(
    ("place", "key"),
    [
        ("op", "kernel"),
        ("op", "stride"),
        ("op", "pad"),
        ("op", "dilation"),
        ("op", "group"),
        ("op", "nonlinear"),
        ("tensor", "fix_point"),
        ("tensor", "reg_id"),
        ("tensor", "ddr_addr"),
        ("dpu", "dpu_name"),
        ("dpu", "dpu_fingerprint"),
        ("dpu", "device"),
        ("dpu", "reg_id_to_parameter_value"),
    ],
)
def test_no_attribute_makes_anything_but_an_answer_or_a_model_error(
    tmp_path: Path, place: str, key: str, value: dict[str, Any]
) -> None:
    message = _message()
    _attr(place, key, **value)(message)
    path = _write(tmp_path, message)
    try:
        values = Emulator(read_xmodel(path)).run({"x": np.int8([[[[3]]]])})
    except ModelError as error:
        assert "\n" not in str(error)
    else:
        assert values["d_tensor"].shape == (1, 1, 1, 2)
