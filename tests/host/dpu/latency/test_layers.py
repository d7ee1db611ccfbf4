from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from host.dpu.latency.boards import find_release
from host.dpu.latency.layers import Layer, Workload, workload_of
from host.graph.graph import Graph, Op, Tensor
from host.xmodel.reader import read_xmodel
from target.errors import ModelError
from tests.host.dpu.latency.made import add, conv, new_graph, place, place_all

R30 = find_release("3.0")
MAP = (1, 8, 8, 16)


def _layers(graph: Graph, release: str = "3.0") -> list[Layer]:
    return list(workload_of(place_all(graph), find_release(release)).layers)


def test_tutorial_by_hand(released: dict[str, Path]) -> None:
    found = workload_of(read_xmodel(released["tutorial"] / "tutorial.xmodel"), R30)
    conv1, pool1, conv2, _, fc1, fc2 = found.layers
    assert (conv1.name, conv1.shape, conv1.window) == ("conv1", (1, 28, 28, 28), (3, 3))
    # 28 * 28 * 28 * (3 * 3 * 1 + 1): the batch norm is a 1x1 depthwise convolution
    assert conv1.macs == 784 * 28 * (9 + 1)
    assert conv1.array_cycles == 4 * 28 * 3 * 2  # augmented: a kernel's row is one of 16 channels
    assert conv1.alu_cycles == conv1.batchnorm_cycles == 7 * 28 * 2
    assert conv1.augmented and not conv2.augmented
    assert conv1.channels == (1, 28) and conv2.channels == (28, 64)
    assert pool1.alu_cycles == 4 * 14 * 4 * 2 and pool1.array_cycles == pool1.macs == 0
    assert conv2.array_cycles == 2 * 14 * 9 * 2 * 4
    assert (fc1.window, fc1.shape) == ((7, 7), (1, 1, 1, 512))
    assert fc1.macs == 7 * 7 * 64 * 512 and fc2.macs == 512 * 25
    assert [layer.array_cycles for layer in (fc1, fc2)] == [49 * 4 * 32, 1 * 32 * 2]
    assert [layer.weight_bytes for layer in found.layers] == [
        32 * 9 * 1 + 28 + 32 + 28,  # 28 outputs in 2 groups of 16; one input channel is packed
        0,
        64 * 9 * 32 + 64 + 64 + 64,
        0,
        512 * 49 * 64 + 512,
        32 * 512 + 25,
    ]
    assert [layer.map_bytes for layer in found.layers] == [
        784 + 784 * 28,
        784 * 28 + 196 * 28,
        196 * 28 + 196 * 64,
        196 * 64 + 49 * 64,
        49 * 64 + 512,
        512 + 25,
    ]
    assert all(layer.on_chip and layer.waits for layer in found.layers)
    assert (found.name, found.input_bytes, found.subgraphs) == ("tutorial", 784, 1)
    assert found.cpu_ops == ("softmax",)
    assert found.macs == 5_011_584


def test_isa0_has_no_augmentation(released: dict[str, Path]) -> None:
    graph = read_xmodel(released["tutorial"] / "tutorial.xmodel")
    conv1 = workload_of(graph, find_release("1.4")).layers[0]
    assert conv1.array_cycles == 4 * 28 * 9 * 2 and not conv1.augmented


@pytest.mark.parametrize(
    ("kind", "channels", "shape", "loaded"),
    [
        ("conv2d-fix", 16, (16, 3, 3, 16), 16 * 9 * 16 + 16),
        ("conv2d-fix", 17, (16, 3, 3, 17), 16 * 9 * 32 + 16),
        ("conv2d-fix", 15, (16, 3, 3, 15), 16 * 9 * 15 + 16),
        ("conv2d-fix", 16, (50, 5, 5, 16), 64 * 25 * 16 + 50),
        ("depthwise-conv2d-fix", 28, (1, 3, 3, 28), 9 * 32 + 28),
        ("depthwise-conv2d-fix", 28, (2, 3, 3, 28), 2 * 9 * 32 + 56),
    ],
    ids=["whole", "17 inputs", "15 are packed", "50 outputs", "depthwise", "two kernels a channel"],
)
def test_weights_are_padded_to_16_channels(
    kind: str, channels: int, shape: tuple[int, ...], loaded: int
) -> None:
    graph = new_graph((1, 8, 8, channels))
    outputs = shape[0] * channels if kind.startswith("depthwise") else shape[0]
    add(graph, "op", kind, (1, 8, 8, outputs), ["x"], shape)
    assert _layers(graph)[0].weight_bytes == loaded


@pytest.mark.parametrize(
    ("rows", "on_chip"),
    [(64, True), (65, False)],  # 2 * 64 * 256 * 16 bytes = 512 KiB
    ids=["just fits", "a row more"],
)
def test_maps_stay_on_the_chip_up_to_512_kib(rows: int, on_chip: bool) -> None:
    graph = new_graph((1, rows, 256, 16))
    conv(graph, "c", "x", (1, rows, 256, 16))
    (found,) = _layers(graph)
    assert (found.map_bytes, found.on_chip) == (2 * rows * 256 * 16, on_chip)


def test_shortcut_is_moved_too_and_the_map_in_between_is_not() -> None:
    graph = new_graph(MAP)
    conv(graph, "c", "x", MAP)
    add(graph, "sum", "eltwise-fix", MAP, ["c", "x"], type="ADD")
    (fused,) = _layers(graph, "3.0")
    assert fused.map_bytes == 3 * 1024  # input, shortcut, sum
    assert fused.types == ("conv2d-fix", "eltwise-fix")
    graph.root = None
    apart = _layers(graph, "1.4")
    assert [layer.map_bytes for layer in apart] == [2 * 1024, 3 * 1024]
    # the sum on ISA0 takes a row at a time
    assert [layer.alu_cycles for layer in apart] == [0, 8 * 8]


def test_branches_do_not_wait_for_each_other() -> None:
    graph = new_graph(MAP)
    conv(graph, "a", "x", MAP)
    conv(graph, "b", "x", MAP)
    conv(graph, "c", "x", MAP)
    add(graph, "cat", "concat-fix", (1, 8, 8, 48), ["a", "b", "c"], axis=3)
    add(graph, "flat", "reshape-fix", (1, 1, 1, 3072), ["cat"])
    conv(graph, "d", "flat", (1, 1, 1, 10), 1)
    conv(graph, "e", "a", MAP)
    waits = {layer.name: layer.waits for layer in _layers(graph)}
    assert waits == {"a": True, "b": False, "c": False, "d": True, "e": False}


def test_chain_of_new_names_is_looked_through_once() -> None:
    graph = new_graph(MAP)
    last = conv(graph, "a", "x", MAP).name
    for number in range(200):  # 2**200 ways from the end to the start
        last = add(graph, f"r{number}", "reshape-fix", MAP, [last, last]).name
    conv(graph, "b", last, MAP)
    assert [layer.waits for layer in _layers(graph)] == [True, True]


def test_every_part_starts_by_waiting_and_cpu_ops_are_named() -> None:
    graph = new_graph(MAP, (1, 4, 4, 3))
    conv(graph, "a", "x", MAP)
    add(graph, "to_float", "fix2float", MAP, ["a"])
    add(graph, "elu", "elu", MAP, ["to_float"])
    add(graph, "to_codes", "float2fix", MAP, ["elu"])
    conv(graph, "b", "to_codes", MAP)
    conv(graph, "c", "x1", (1, 4, 4, 20))
    place(graph, ["a_weights", "a_bias", "a"])
    place(graph, ["to_float", "elu", "to_codes"], device="CPU")
    place(graph, ["b_weights", "b_bias", "b"], ["c_weights", "c_bias", "c"])
    found = workload_of(graph, R30)
    assert [(layer.name, layer.waits) for layer in found.layers] == [
        ("a", True),
        ("b", True),
        ("c", False),
    ]
    assert found.subgraphs == 2 and found.cpu_ops == ("elu",)
    assert found.input_bytes == 8 * 8 * 16 + 4 * 4 * 3
    assert found.parameters == 2 * (9 * 16 * 16 + 16) + 9 * 3 * 20 + 20


@pytest.mark.parametrize(
    "name",
    ["dpupynq35_mnist_kria", "vai3.0.tf2_custom_op_zcu", "vai3.0.pointpillars_zcu"],
    ids=["MNIST", "custom op", "PointPillars with transposed convolutions"],
)
def test_multiply_adds_are_those_that_amds_compiler_counts(shared: Path, name: str) -> None:
    graph = read_xmodel(shared / "given" / "xmodels" / f"{name}.xmodel")
    for layer in workload_of(graph, R30).layers:
        op = graph.op(layer.name)
        if "conv2d" in op.type:
            biases = int(np.prod(op.tensor.dims))
            assert 2 * layer.macs + biases == op.attrs["workload"], layer.name


def test_transposed_convolution_uses_its_kernel_once_an_input_pixel() -> None:
    graph = new_graph((1, 5, 6, 3))
    shape = (7, 4, 4, 3)
    add(graph, "up", "transposed-conv2d-fix", (1, 10, 12, 7), ["x"], shape, stride=[2, 2])
    assert _layers(graph)[0].macs == 5 * 6 * (7 * 4 * 4 * 3)


def _without_dpu(graph: Graph) -> None:
    graph.root = None
    place(graph, ["c_weights", "c_bias", "c"], device="CPU")


def _bare(graph: Graph) -> None:
    """Leave nothing on the DPU but a new name."""
    graph.root = None
    add(graph, "flat", "reshape-fix", (1, 1024), ["x"])
    place(graph, ["flat"])


def _change(**attrs: object) -> Callable[[Graph], None]:
    return lambda graph: graph.op("c").attrs.update(attrs)


def _transposed(graph: Graph) -> None:
    graph.op("c").type = "transposed-conv2d-fix"


def _depthwise(graph: Graph) -> None:
    graph.op("c").type = "depthwise-conv2d-fix"
    del graph.op("c").attrs["kernel"]


def _flat_weights(graph: Graph) -> None:
    graph.op("c_weights").tensor.dims = (16, 144)


def _no_input(graph: Graph) -> None:
    graph.op("c").args.pop("input")


def _no_weights(graph: Graph) -> None:
    graph.op("c").args.pop("weights")


FAULTS: dict[str, tuple[Callable[[Graph], None], str]] = {
    "not compiled": (lambda graph: setattr(graph, "root", None), "must have a part that runs on the DPU"),
    "nothing on the DPU": (_without_dpu, "must have a part that runs on the DPU, got none in 'net'"),
    "new names alone": (_bare, "must compute something, got ops that only name bytes anew in 'net'"),
    "no input": (_no_input, r"op 'c' \(conv2d-fix\) must have an input, got none"),
    "no weights": (_no_weights, "op 'c' must have one 'weights', got 0"),
    "flat weights": (_flat_weights, r"weights of op 'c' must have 4 dims, got \[16, 144\]"),
    "no kernel": (_depthwise, r"kernel of op 'c' must be \[w, h\] of at least 1, got None"),
    "kernel of one": (_change(kernel=[3]), r"kernel of op 'c' must be \[w, h\] of .*, got \[3\]"),
    "kernel of 0": (_change(kernel=[3, 0]), r"kernel of op 'c' must be \[w, h\] of .*, got \[3, 0\]"),
    "kernel of text": (_change(kernel=["3", "3"]), r"kernel of op 'c' must be \[w, h\]"),
    "no stride": (_transposed, r"stride of op 'c' must be \[w, h\] of at least 1, got None"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "text"), FAULTS.values(), ids=FAULTS)
def test_workload_of_a_graph_that_lacks_something_is_refused(
    change: Callable[[Graph], None], text: str
) -> None:
    graph = new_graph(MAP)
    conv(graph, "c", "x", MAP)
    place_all(graph)
    change(graph)
    with pytest.raises(ModelError, match=text):
        workload_of(graph, R30)


def test_an_op_of_no_known_type_moves_bytes_and_computes_nothing() -> None:
    graph = new_graph(MAP)
    constant = Tensor("w", (5, 7), "xint8", {"fix_point": 0})
    graph.add(Op("w", "const-fix", constant, {}, {}, np.zeros((5, 7), np.int8)))
    add(graph, "new", "matmul-fix", (1, 8, 8, 7), ["x"]).args["weights"] = ["w"]
    found: Workload = workload_of(place_all(graph), R30)
    (layer,) = found.layers
    assert (layer.array_cycles, layer.alu_cycles) == (0, 0)
    assert (layer.weight_bytes, layer.map_bytes) == (35, 1024 + 448)
