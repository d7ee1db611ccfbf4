from __future__ import annotations

import numpy as np
import pytest

from host.dpu.emulator import Emulator
from host.graph.graph import Graph, Op
from host.graph.passes.equalize import equalize
from tests.host.small_graphs import add_conv, add_data, add_op


def _pair(
    head: list[float], tail: list[float], between: dict[str, str] | None, bias: list[float] | None
) -> Graph:
    """Conv a (1 -> n channels, weights `head`), perhaps an op, conv b (n -> 1, weights `tail`)."""
    graph = Graph("g")
    add_data(graph, (1, 2, 2, 1))
    biases = None if bias is None else np.array(bias)
    add_conv(graph, "a", "image", np.array(head).reshape(-1, 1, 1, 1), biases)
    source = "a"
    if between is not None:
        add_op(graph, "mid", between["type"], ["a"], __keras=between["keras"])
        source = "mid"
    add_conv(graph, "b", source, np.array(tail).reshape(1, 1, 1, -1))
    return graph


def _values(graph: Graph, name: str) -> list[float]:
    data = graph.op(name).data
    assert data is not None and data.dtype == np.float32
    return [float(value) for value in data.reshape(-1)]


@pytest.mark.parametrize(
    "between",
    [None, {"type": "relu", "keras": "Activation"}, {"type": "relu", "keras": "ReLU"}],
    ids=["nothing", "activation", "relu-layer"],
)
def test_equalize_meets_in_the_middle(between: dict[str, str] | None) -> None:
    # scale sqrt(t / h): 1 and 4 meet at 2, 4 and 0.25 meet at 1; then every further step gives 1
    graph = _pair([1, 4], [4, 0.25], between, None)
    assert equalize(graph) == 1
    assert _values(graph, "a/kernel") == [2, 1]
    assert _values(graph, "b/kernel") == [2, 1]


def test_equalize_counts_the_bias_and_scales_it() -> None:
    # the bias is larger than the weight: h = 4
    graph = _pair([1, -1], [1, 1], None, [-4, 0.5])
    equalize(graph)
    assert _values(graph, "a/kernel") == [0.5, -1]
    assert _values(graph, "a/bias") == [-2, 0.5]
    assert _values(graph, "b/kernel") == [2, 1]


@pytest.mark.parametrize(
    ("head", "tail", "expected"),
    [
        # h = 0: sqrt(inf) -> 10 a step; 1 / 10 is float32(0.1), not below it, so once more
        (0.0, 1.0, (0.0, np.float32(1) / np.float32(10) / np.float32(10))),
        (0.01, 0.08, (0.01, 0.08)),  # h + t = 0.09 < 0.1: left alone
        (0.0, 0.0, (0.0, 0.0)),  # 0 / 0
    ],
    ids=["zero-head", "small", "both-zero"],
)
def test_equalize_limits(head: float, tail: float, expected: tuple[float, float]) -> None:
    graph = _pair([head], [tail], None, None)
    equalize(graph)
    got = _values(graph, "a/kernel")[0], _values(graph, "b/kernel")[0]
    assert got == tuple(float(np.float32(value)) for value in expected)


def test_equalize_clips_a_step_at_ten_both_ways() -> None:
    # 1e-4 : 1e4 wants 1e4; ten steps of up to 10 reach it. 1e4 : 1e-4 likewise downwards.
    graph = _pair([1e-4, 1e4], [1e4, 1e-4], None, None)
    equalize(graph)
    np.testing.assert_allclose(_values(graph, "a/kernel"), [1, 1], rtol=1e-5)
    np.testing.assert_allclose(_values(graph, "b/kernel"), [1, 1], rtol=1e-5)
    slow = _pair([1e-20], [1e20], None, None)
    equalize(slow)
    np.testing.assert_allclose(_values(slow, "a/kernel"), [1e-10], rtol=1e-5)  # 10 steps of 10


@pytest.mark.parametrize(
    "change",
    ["relu6", "leaky-relu", "maxpool2d", "head-used-twice", "middle-used-twice"],
)
def test_equalize_leaves_other_pairs_alone(change: str) -> None:
    kind = change if change in ("relu6", "leaky-relu", "maxpool2d") else "relu"
    keras_class = "LeakyReLU" if kind == "leaky-relu" else "ReLU"
    graph = _pair([1, 4], [4, 0.25], {"type": kind, "keras": keras_class}, None)
    if change.endswith("used-twice"):
        add_op(graph, "other", "relu", ["a" if change.startswith("head") else "mid"])
    assert equalize(graph) == 0
    assert _values(graph, "a/kernel") == [1, 4]


@pytest.mark.parametrize(
    ("kind", "keras_class"),
    [("leaky-relu", "ReLU"), ("identity", "Activation"), ("relu", "Activation")],
)
def test_equalize_reaches_across_activations_without_a_highest_value(
    kind: str, keras_class: str
) -> None:
    graph = _pair([1, 4], [4, 0.25], {"type": kind, "keras": keras_class}, None)
    assert equalize(graph) == 1
    assert _values(graph, "a/kernel") != [1, 4]


def test_groups_of_the_head_are_no_hindrance_those_of_the_tail_are() -> None:
    for name, pairs in (("a", 1), ("b", 0)):
        graph = _pair([1, 4], [4, 0.25], None, None)
        graph.op(name).attrs["group"] = 2
        assert equalize(graph) == pairs


def test_equalize_does_not_touch_dense_layers() -> None:
    graph = Graph("g")
    add_data(graph, (1, 2))
    add_conv(graph, "a", "image", np.array([[1.0, 1.0]]), None, "inner-product")
    add_conv(graph, "b", "a", np.array([[9.0]]), None, "inner-product")
    assert equalize(graph) == 0


def test_equalize_goes_from_plain_pairs_to_activations() -> None:
    # a - b is plain, b - relu - c is not: in each step a-b first, then b-c
    graph = _pair([1], [4], None, None)
    add_op(graph, "relu", "relu", ["b"], __keras="Activation")
    add_conv(graph, "c", "relu", np.full((1, 1, 1, 1), 16.0))
    assert equalize(graph) == 2
    product = np.prod([_values(graph, f"{name}/kernel")[0] for name in "abc"])
    assert product == pytest.approx(64)
    assert _values(graph, "a/kernel")[0] == pytest.approx(4, rel=1e-2)
    # the first step alone: a-b give 2, 2; b-c give sqrt(2 * 16)
    once = _pair([1], [4], None, None)
    add_op(once, "relu", "relu", ["b"], __keras="Activation")
    add_conv(once, "c", "relu", np.full((1, 1, 1, 1), 16.0))
    reference = np.float32([1, 4, 16])
    for _ in range(10):
        for head, tail in ((0, 1), (1, 2)):
            scale = np.clip(np.sqrt(reference[tail] / reference[head]), np.float32(0.1), 10)
            reference[head] *= scale
            reference[tail] /= scale
    equalize(once)
    assert [_values(once, f"{name}/kernel")[0] for name in "abc"] == reference.tolist()


def test_equalize_keeps_the_function() -> None:
    generator = np.random.default_rng(3)
    graph = Graph("g")
    add_data(graph, (1, 5, 5, 2))
    add_conv(graph, "a", "image", generator.normal(size=(4, 1, 1, 2)), generator.normal(size=4))
    add_op(graph, "r", "relu", ["a"], __keras="ReLU")
    depthwise = generator.normal(size=(1, 3, 3, 4)) * [0.01, 1, 10, 100]
    add_conv(graph, "d", "r", depthwise, generator.normal(size=4), "depthwise-conv2d", pad=[1] * 4)
    add_conv(graph, "c", "d", generator.normal(size=(3, 1, 1, 4)))
    images = generator.normal(size=(2, 5, 5, 2)).astype(np.float32)
    before = Emulator(graph).run({"image": images})["c"]
    twin = graph.copy()
    assert equalize(twin) == 2
    after = Emulator(twin).run({"image": images})["c"]
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-4)
    ops: list[Op] = [op for op in graph if op.data is not None]
    assert any(not np.array_equal(op.data, twin.op(op.name).data) for op in ops)
