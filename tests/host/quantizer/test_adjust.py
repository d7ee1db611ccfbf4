"""Every adjustment with positions set by hand; the rules and some cases are AMD's own."""

from __future__ import annotations

import numpy as np
import pytest

from host.graph.graph import Graph
from host.quantizer import adjust as steps
from host.quantizer.adjust import adjust
from host.quantizer.annotate import FLOAT
from tests.host.small_graphs import add_conv, add_data, add_fix, add_op, position_of

WEIGHTS = np.ones((2, 1, 1, 2), np.float32)


def _start(ipos: int) -> Graph:
    graph = Graph("g")
    add_data(graph, (1, 4, 4, 2))
    add_fix(graph, "image", ipos)
    return graph


def _conv(ipos: int, wpos: int, bpos: int | None, opos: int, between: str | None = None) -> Graph:
    """Image - conv [- `between`], all quantized."""
    graph = _start(ipos)
    add_conv(graph, "conv", "image_fix", WEIGHTS, None if bpos is None else np.zeros(2))
    add_fix(graph, "conv/kernel", wpos, "kernel")
    if bpos is not None:
        add_fix(graph, "conv/bias", bpos, "bias")
    if between is not None:
        add_op(graph, between, between, ["conv"], alpha=0.1)
    add_fix(graph, between or "conv", opos)
    return graph


def _two(positions: list[int], opos: int, kind: str, **attrs: object) -> Graph:
    """Two pools of the image at `positions`, joined by an op of `kind` at `opos`."""
    graph = _start(6)
    names = []
    for index, position in enumerate(positions):
        name = f"in{index}"
        add_op(graph, name, "maxpool2d", ["image_fix"], kernel=[1, 1], stride=[1, 1])
        names.append(add_fix(graph, name, position).name)
    add_op(graph, "out", kind, names, **attrs)
    add_fix(graph, "out", opos)
    return graph


@pytest.mark.parametrize(
    ("ipos", "opos", "expected"),
    [
        (6, 7, (6, 7)),
        (6, 5, (6, 7)),  # output at least 7
        (17, 7, (15, 7)),  # input at most 15
        (-3, 9, (0, 9)),  # and at least 0
        (0, 13, (0, 13)),  # 14 + 0 - 13 = 1
        (0, 14, (0, 14)),  # 0: set to 14 + 0, which it is
        (0, 15, (0, 14)),
        (3, 25, (3, 17)),
    ],
)
def test_hard_sigmoid(ipos: int, opos: int, expected: tuple[int, int]) -> None:
    graph = _start(6)
    add_op(graph, "pool", "maxpool2d", ["image_fix"], kernel=[1, 1], stride=[1, 1])
    add_fix(graph, "pool", ipos)
    add_op(graph, "gate", "hard-sigmoid", ["pool_fix"])
    add_fix(graph, "gate", opos)
    changed = steps.hard_sigmoid(graph)
    assert (position_of(graph, "pool"), position_of(graph, "gate")) == expected
    assert changed == (ipos != expected[0]) + (opos != expected[1])


@pytest.mark.parametrize("kind", ["ADD", "MUL"])
@pytest.mark.parametrize(
    ("positions", "expected"),
    [([3, 18], [3, 18]), ([3, 19], [3, 18]), ([25, -2], [13, -2]), ([4, 4], [4, 4])],
    ids=str,
)
def test_shift_read_lowers_the_largest(
    positions: list[int], expected: list[int], kind: str
) -> None:
    graph = _two(positions, 3, kind.lower())
    changed = steps.shift_read(graph)
    assert [position_of(graph, "in0"), position_of(graph, "in1")] == expected
    assert changed == (positions != expected)


@pytest.mark.parametrize(
    ("lowest", "opos", "limit", "as_the_tool"),
    [
        (3, 18, 18, 18),  # -15
        (3, -12, -12, -12),  # 15
        (3, 25, 18, -15),  # run in AMD's tool
        (-3, 20, 12, -15),  # run in AMD's tool
        (3, -14, -12, 15),  # run in AMD's tool
    ],
)
def test_shift_write(lowest: int, opos: int, limit: int, as_the_tool: int) -> None:
    for match_vai_q, expected in ((False, limit), (True, as_the_tool)):
        graph = _two([lowest + 2, lowest], opos, "add")
        changed = steps.shift_write(graph, match_vai_q)
        assert position_of(graph, "out") == expected
        assert changed == (opos != expected)


def test_shift_write_moves_the_activation_behind_a_sum() -> None:
    graph = _start(3)
    add_op(graph, "sum", "add", ["image_fix", "image_fix"])
    add_op(graph, "relu", "relu", ["sum"])
    add_fix(graph, "relu", 25)
    assert steps.shift_write(graph, False) == 1
    assert position_of(graph, "relu") == 18


@pytest.mark.parametrize(
    ("xpos", "gpos", "opos", "expected"),
    [
        (4, 7, 5, 5),  # 6
        (4, 7, 12, 11),  # -1: at most 4 + 7
        (4, 7, -4, -4),  # 15
        (4, 7, -9, -4),  # 20: at least 4 + 7 - 15
    ],
)
@pytest.mark.parametrize("gate_first", [True, False])
def test_shift_swish(xpos: int, gpos: int, opos: int, expected: int, gate_first: bool) -> None:
    graph = _start(xpos)
    add_op(graph, "gate", "hard-sigmoid", ["image_fix"])
    add_fix(graph, "gate", gpos)
    sources = ["gate_fix", "image_fix"] if gate_first else ["image_fix", "gate_fix"]
    add_op(graph, "product", "mul", sources)
    add_fix(graph, "product", opos)
    changed = steps.shift_swish(graph)
    assert position_of(graph, "product") == expected
    assert changed == (opos != expected)


def test_shift_swish_leaves_other_products() -> None:
    graph = _two([4, 7], 30, "mul")
    assert steps.shift_swish(graph) == 0
    graph = _start(4)
    add_op(graph, "gate", "hard-sigmoid", ["image_fix"])
    add_fix(graph, "gate", 7)
    add_op(graph, "sum", "add", ["gate_fix", "image_fix"])
    add_fix(graph, "sum", 30)
    assert steps.shift_swish(graph) == 0


@pytest.mark.parametrize(
    ("ipos", "wpos", "opos", "expected"),
    [
        (6, 7, 5, 7),  # 8
        (6, 7, 13, 7),  # 0
        (6, 7, -3, 7),  # 16
        (6, 7, 14, 8),  # -1: weights up to the output
        (6, 7, -4, 6),  # 17
        (7, 35, 10, 19),  # cnn_e's c1: 32
        (10, 11, -3, 3),  # cnn_e's c2: 24
    ],
)
@pytest.mark.parametrize("between", [None, "relu", "relu6", "leaky-relu"])
def test_shift_cut_moves_the_weights(
    ipos: int, wpos: int, opos: int, expected: int, between: str | None
) -> None:
    graph = _conv(ipos, wpos, None, opos, between)
    changed = steps.shift_cut(graph)
    assert position_of(graph, "conv/kernel") == expected
    assert position_of(graph, between or "conv") == opos
    assert changed == (wpos != expected)


@pytest.mark.parametrize(
    ("ipos", "wpos", "bpos", "opos", "expected"),
    [
        (6, 7, 8, 5, 8),  # 5
        (6, 7, -3, 5, -3),  # 16
        (6, 7, -4, 5, -3),  # 17
        (6, 7, 21, 5, 21),  # -8 = cut 8 - 16
        (6, 7, 22, 5, 21),  # -9
        (6, 7, 51, 5, 21),  # all zeros
        (6, 7, 13, -3, 13),  # cut 16: no negative shift at all
        (6, 7, 14, -3, 13),
        (6, 8, 51, 7, 23),  # cnn_e's c0
    ],
)
def test_shift_bias_moves_the_bias(
    ipos: int, wpos: int, bpos: int, opos: int, expected: int
) -> None:
    graph = _conv(ipos, wpos, bpos, opos)
    changed = steps.shift_bias(graph)
    assert position_of(graph, "conv/bias") == expected
    assert changed == (bpos != expected)


@pytest.mark.parametrize(
    ("bpos", "expected"), [(13, 13), (14, 13), (-3, -3), (-4, -3)], ids=["0", "-1", "16", "17"]
)
def test_bias_before_a_leaky_relu_is_never_shifted_right(bpos: int, expected: int) -> None:
    graph = _conv(6, 7, bpos, 5, "leaky-relu")
    assert steps.shift_bias_leakyrelu(graph) == (bpos != expected)
    assert position_of(graph, "conv/bias") == expected


@pytest.mark.parametrize("change", ["relu", "float"])
def test_bias_before_others_may_be(change: str) -> None:
    graph = _conv(6, 7, 14, 5, "relu" if change == "relu" else "leaky-relu")
    if change == "float":
        graph.op("leaky-relu").attrs[FLOAT] = True
    assert steps.shift_bias_leakyrelu(graph) == 0
    assert position_of(graph, "conv/bias") == 14


@pytest.mark.parametrize(
    ("positions", "opos", "lowest", "changed"),
    [([3, -6], -6, -6, 1), ([5, 4], 2, 2, 2), ([5, 5], 6, 5, 1), ([1, 1], 1, 1, 0)],
    ids=["cnn_e", "output", "inputs", "aligned"],
)
def test_align_concat_takes_the_lowest_of_all(
    positions: list[int], opos: int, lowest: int, changed: int
) -> None:
    graph = _two(positions, opos, "concat", axis=3)
    assert steps.align_concat(graph) == changed
    assert {position_of(graph, name) for name in ("in0", "in1", "out")} == {lowest}


@pytest.mark.parametrize("kind", ["maxpool2d", "avgpool2d"])
@pytest.mark.parametrize(("ipos", "opos"), [(6, 4), (3, 5), (4, 4)])
def test_align_pool_takes_the_lower(kind: str, ipos: int, opos: int) -> None:
    graph = _start(ipos)
    add_op(graph, "pool", kind, ["image_fix"], kernel=[2, 2], stride=[2, 2])
    add_fix(graph, "pool", opos)
    assert steps.align_pool(graph) == (ipos != opos)
    assert position_of(graph, "image") == position_of(graph, "pool") == min(ipos, opos)


def test_align_pool_leaves_global_pools() -> None:
    graph = _start(6)
    add_op(graph, "gap", "avgpool2d", ["image_fix"], kernel=[4, 4], **{"global": True})
    add_fix(graph, "gap", 4)
    assert steps.align_pool(graph) == 0
    assert (position_of(graph, "image"), position_of(graph, "gap")) == (6, 4)


@pytest.mark.parametrize("kind", ["reshape", "flatten", "pad"])
def test_input_is_found_through_reshape_and_padding(kind: str) -> None:
    graph = _conv(6, 7, None, 14)
    add_op(graph, "through", kind, ["image_fix"], pad=[0] * 4)
    graph.op("conv").args["input"] = ["through"]
    graph.sort()
    assert steps.shift_cut(graph) == 1
    assert position_of(graph, "conv/kernel") == 8


def test_layers_with_a_float_input_are_left_alone() -> None:
    graph = _conv(6, 7, 51, 14)
    add_op(graph, "act", "relu", ["image_fix"])
    graph.op("conv").args["input"] = ["act"]
    graph.sort()
    assert adjust(graph) == 0
    assert (position_of(graph, "conv/kernel"), position_of(graph, "conv/bias")) == (7, 51)


def test_concat_is_aligned_with_its_quantized_inputs_alone() -> None:
    graph = _two([5, 4], 2, "concat", axis=3)
    add_op(graph, "act", "relu", ["image_fix"])
    graph.op("out").args["input"] = ["act", "in1_fix"]
    graph.sort()
    assert steps.align_concat(graph) == 1
    assert (position_of(graph, "in1"), position_of(graph, "out")) == (2, 2)


def test_steps_run_in_the_tools_order_and_only_once() -> None:
    # shift_cut first lowers the weights from 9 to 6 (cut 16), shift_bias then allows -0..16: 51 -> 12.
    # The pool behind it then takes the output down to -7, and nobody looks at the shifts again.
    graph = _conv(6, 9, 51, -4)
    add_op(graph, "pool", "maxpool2d", ["conv_fix"], kernel=[1, 1], stride=[1, 1])
    add_fix(graph, "pool", -7)
    assert adjust(graph) == 3
    assert position_of(graph, "conv/kernel") == 6
    assert position_of(graph, "conv/bias") == 12
    assert position_of(graph, "conv") == -7


def test_second_pass_would_change_more() -> None:
    graph = _conv(6, 9, 51, -4)
    add_op(graph, "pool", "maxpool2d", ["conv_fix"], kernel=[1, 1], stride=[1, 1])
    add_fix(graph, "pool", -7)
    adjust(graph)
    assert steps.shift_cut(graph) == 1  # 6 + 6 + 7 = 19


def test_adjust_follows_layer_order() -> None:
    # cat1 is aligned before cat2; cat2 then lowers their common input, which cat1 does not follow
    graph = _two([5, 4], 4, "concat", axis=3)
    add_op(graph, "cat2", "concat", ["in1_fix", "out_fix"], axis=3)
    add_fix(graph, "cat2", 1)
    assert steps.align_concat(graph) == 3
    assert [position_of(graph, name) for name in ("in0", "in1", "out", "cat2")] == [4, 1, 1, 1]


def test_concats_are_aligned_before_pools() -> None:
    # the pool lowers the concatenation's output, and its inputs stay where they are
    graph = _two([5, 4], 4, "concat", axis=3)
    add_op(graph, "pool", "maxpool2d", ["out_fix"], kernel=[1, 1], stride=[1, 1])
    add_fix(graph, "pool", 2)
    graph.op("in0").type = graph.op("in1").type = "upsample"  # so that only one pool is left
    assert adjust(graph) == 2
    assert [position_of(graph, name) for name in ("in0", "in1", "out", "pool")] == [4, 4, 2, 2]


@pytest.mark.parametrize(("match_vai_q", "opos"), [(False, 18), (True, -15)])
def test_adjust_hands_match_vai_q_on(match_vai_q: bool, opos: int) -> None:
    graph = _two([3, 3], 25, "add")
    adjust(graph, match_vai_q)
    assert position_of(graph, "out") == opos
