from __future__ import annotations

import numpy as np
import pytest

from host.dpu.emulator import Emulator
from host.dpu.ops.call import Call
from host.dpu.ops.table import OPS
from host.graph.graph import Graph, Op, Tensor
from target.errors import ModelError
from tests.host.small_graphs import add_conv, add_data, add_op


def _graph() -> Graph:
    graph = Graph("g")
    add_data(graph, (1, 2, 2, 1))
    add_conv(graph, "conv", "image", np.array([[[[2.0]]]]), np.array([1.0]))
    graph.op("conv").tensor.name = "conv_tensor"
    add_op(graph, "relu", "relu", ["conv"])
    add_op(graph, "side", "relu6", ["image"])
    return graph


IMAGES = np.float32([[1, -2], [3, -4]]).reshape(1, 2, 2, 1)


def test_run_gives_every_tensor_by_its_name() -> None:
    values = Emulator(_graph()).run({"image": IMAGES})
    assert list(values) == ["image", "conv_tensor", "relu", "side"]
    np.testing.assert_array_equal(values["conv_tensor"].reshape(-1), [3, -3, 7, -7])
    np.testing.assert_array_equal(values["relu"].reshape(-1), [3, 0, 7, 0])


def test_keep_is_by_op_name() -> None:
    values = Emulator(_graph()).run({"image": IMAGES}, keep=("conv",))
    assert list(values) == ["conv_tensor"]
    assert Emulator(_graph()).run({"image": IMAGES}, keep=()) == {}


def test_stop_after_runs_only_what_is_needed() -> None:
    graph = _graph()
    graph.op("side").type = "frobnicate"
    values = Emulator(graph, "relu").run({"image": IMAGES})
    assert list(values) == ["image", "conv_tensor", "relu"]


def test_stop_after_must_be_an_op() -> None:
    with pytest.raises(ModelError, match="op 'x' must be in graph 'g', got none of that name"):
        Emulator(_graph(), "x")


def test_unknown_op_is_refused_at_once_and_lists_the_known() -> None:
    graph = _graph()
    graph.op("side").type = "frobnicate"
    with pytest.raises(
        ModelError,
        match=r"op 'side' must be of a known type, got 'frobnicate'; known: \['add', 'argmax'",
    ):
        Emulator(graph)


def test_batches_are_independent() -> None:
    images = np.random.default_rng(0).normal(size=(7, 2, 2, 1)).astype(np.float32)
    emulator = Emulator(_graph())
    whole = emulator.run({"image": images})["relu"]
    for index in range(7):
        single = emulator.run({"image": images[index : index + 1]})["relu"]
        np.testing.assert_array_equal(single[0], whole[index])


def test_running_twice_gives_the_same_and_changes_no_constant() -> None:
    graph = _graph()
    emulator = Emulator(graph)
    images = IMAGES.copy()
    first = emulator.run({"image": images})
    again = emulator.run({"image": images})
    for name, value in first.items():
        np.testing.assert_array_equal(value, again[name])
    np.testing.assert_array_equal(images, IMAGES)
    assert graph.data_of(graph.op("conv"), "weights").item() == 2


def test_input_may_be_named_by_op_or_tensor() -> None:
    graph = Graph("g")
    tensor = Tensor("image_fix", (1, 2), "xint8", {"fix_point": 0})
    graph.add(Op("image", "data-fix", tensor))
    codes = np.int8([[1, 2]])
    emulator = Emulator(graph)
    assert [op.name for op in emulator.inputs] == ["image"]
    for name in ("image", "image_fix"):
        np.testing.assert_array_equal(emulator.run({name: codes})["image_fix"], codes)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, r"input 'image' must be given, got \[\]"),
        ({"picture": IMAGES}, r"input 'image' must be given, got \['picture'\]"),
        (
            {"image": IMAGES.astype(np.float64)},
            r"input 'image' must be float32 \['n', 2, 2, 1\], got float64 \[1, 2, 2, 1\]",
        ),
        ({"image": IMAGES.astype(np.int8)}, "must be float32 .*, got int8"),
        ({"image": IMAGES[0]}, r"got float32 \[2, 2, 1\]"),
    ],
    ids=["none", "name", "float64", "int8", "no-batch"],
)
def test_other_inputs_are_refused(inputs: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Emulator(_graph()).run(inputs)


def test_constant_without_data_is_refused() -> None:
    graph = _graph()
    graph.op("conv/kernel").data = None
    with pytest.raises(ModelError, match="constant 'conv/kernel' must have data, got none"):
        Emulator(graph).run({"image": IMAGES})


def test_functions_of_ops_can_be_replaced() -> None:
    def negated(call: Call) -> np.ndarray:
        return -call.value()

    values = Emulator(_graph(), "relu", {**OPS, "relu": negated}).run({"image": IMAGES})
    np.testing.assert_array_equal(values["relu"].reshape(-1), [-3, 3, -7, 7])


def test_what_depends_on_constants_is_made_once() -> None:
    made = []

    def counting(call: Call) -> np.ndarray:
        return np.asarray(call.once("x", lambda: made.append(call.op.name) or call.value()))

    emulator = Emulator(_graph(), None, {**OPS, "relu": counting})
    for _ in range(3):
        emulator.run({"image": IMAGES})
    assert made == ["relu"]
