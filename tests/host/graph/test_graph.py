from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.graph.graph import Graph, Op, Subgraph, Tensor, const
from target.errors import ModelError


def _op(name: str, *sources: str, **args: list[str]) -> Op:
    given_args = {"input": list(sources), **args} if sources or args else {}
    return Op(name, "relu", Tensor(name, (1,)), given_args)


def _chain() -> Graph:
    graph = Graph("chain")
    graph.add(_op("a"))
    graph.add(const("w", np.ones(2)))
    graph.add(_op("b", "a", weights=["w"]))
    graph.add(_op("c", "b"))
    return graph


def _names(graph: Graph) -> list[str]:
    return [op.name for op in graph]


def test_add_keeps_order_and_counts() -> None:
    graph = _chain()
    assert _names(graph) == ["a", "w", "b", "c"]
    assert len(graph) == 4
    assert "w" in graph and "x" not in graph


def test_add_before_another_op() -> None:
    graph = _chain()
    graph.add(_op("new", "a"), before="b")
    assert _names(graph) == ["a", "w", "new", "b", "c"]


@pytest.mark.parametrize(
    ("op", "before", "message"),
    [
        (_op("a"), None, "op names must be unique, got 'a' twice in graph 'chain'"),
        (_op("d", "x"), None, "op 'x' must be in graph 'chain', got none"),
        (_op("d", "a"), "x", "op 'x' must be in graph 'chain', got none"),
    ],
    ids=["taken", "input-missing", "place-missing"],
)
def test_add_refuses(op: Op, before: str | None, message: str) -> None:
    graph = _chain()
    with pytest.raises(ModelError, match=message):
        graph.add(op, before)
    assert _names(graph) == ["a", "w", "b", "c"]


def test_op_names_the_graph_that_lacks_it() -> None:
    with pytest.raises(ModelError, match="op 'x' must be in graph 'chain', got none of that name"):
        _chain().op("x")


def test_remove_takes_constants_of_its_own_along() -> None:
    graph = _chain()
    graph.add(const("v", np.ones(2)))
    graph.add(_op("d", "a", weights=["v"], bias=["v"]))
    graph.add(_op("e", "a", weights=["w"]))
    graph.remove("d")
    assert _names(graph) == ["a", "w", "b", "c", "e"]
    graph.remove("e")
    assert "w" in graph  # b still uses it
    graph.remove("c")
    graph.remove("b")
    assert _names(graph) == ["a"]  # an op that is no constant stays


def test_remove_refuses_an_op_in_use() -> None:
    with pytest.raises(ModelError, match="op 'a' must be unused to be removed, got user 'b'"):
        _chain().remove("a")


def test_consumers_and_inputs_follow_the_arguments() -> None:
    graph = _chain()
    graph.add(_op("sum", "a", "b"))
    b, total = graph.op("b"), graph.op("sum")
    assert [op.name for op in graph.consumers("a")] == ["b", "sum"]
    assert [op.name for op in graph.inputs(total)] == ["a", "b"]
    assert graph.inputs(total, "weights") == []
    assert b.input_names == ["a", "w"]
    assert graph.input(b, "weights").name == "w"
    np.testing.assert_array_equal(graph.data_of(b, "weights"), np.ones(2, np.float32))


@pytest.mark.parametrize(
    ("name", "arg", "message"),
    [
        ("sum", "input", "op 'sum' must have one 'input', got 2"),
        ("b", "bias", "op 'b' must have one 'bias', got 0"),
    ],
    ids=["two", "none"],
)
def test_input_is_the_only_one(name: str, arg: str, message: str) -> None:
    graph = _chain()
    graph.add(_op("sum", "a", "b"))
    with pytest.raises(ModelError, match=message):
        graph.input(graph.op(name), arg)


def test_data_of_refuses_what_is_no_constant() -> None:
    graph = _chain()
    with pytest.raises(ModelError, match="'input' of op 'b' must be a constant with data"):
        graph.data_of(graph.op("b"), "input")


def test_redirect_changes_every_use_but_those_kept() -> None:
    graph = _chain()
    graph.add(_op("twice", "b", "b"))
    graph.add(_op("new", "b"))
    graph.redirect("b", "new", keep=("new",))
    assert graph.op("c").args == {"input": ["new"]}
    assert graph.op("twice").args == {"input": ["new", "new"]}
    assert graph.op("new").args == {"input": ["b"]}


def test_sort_leaves_an_ordered_graph_as_it_is() -> None:
    # The short branch stands behind the long one and must stay there.
    graph = Graph("branches")
    for op in (_op("in"), _op("a", "in"), _op("aa", "a"), _op("b", "in"), _op("sum", "aa", "b")):
        graph.add(op)
    graph.add(_op("last", "in"))
    before = _names(graph)
    graph.sort()
    assert _names(graph) == before


def test_sort_moves_an_input_in_front_of_its_user() -> None:
    graph = _chain()
    graph.add(_op("late", "a"))
    graph.op("b").args["input"] = ["late"]
    graph.sort()
    assert _names(graph) == ["a", "w", "late", "b", "c"]


def test_sort_refuses_a_cycle() -> None:
    graph = _chain()
    graph.op("a").args = {"input": ["c"]}
    with pytest.raises(ModelError, match="graph 'chain' must have no cycle, got one through 'a'"):
        graph.sort()


def test_sort_refuses_an_op_that_uses_itself() -> None:
    graph = _chain()
    graph.op("c").args = {"input": ["c"]}
    with pytest.raises(ModelError, match="must have no cycle, got one through 'c'"):
        graph.sort()


def test_sort_does_not_recurse() -> None:
    graph = Graph("long")
    for i in range(3000):
        graph.add(_op(str(i)))
    for i in range(2999):  # every op stands before its input
        graph.op(str(i)).args = {"input": [str(i + 1)]}
    graph.sort()
    assert _names(graph) == [str(i) for i in reversed(range(3000))]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_sort_orders_any_graph_without_cycles(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    sources = [
        data.draw(st.lists(st.integers(0, i - 1), max_size=3)) if i else [] for i in range(count)
    ]
    graph = Graph("random")
    for i in range(count):
        graph.add(_op(f"op{i}", *(f"op{j}" for j in sources[i])))
    order = data.draw(st.permutations(list(graph._ops)))
    graph._ops = {name: graph._ops[name] for name in order}
    graph.sort()
    names = _names(graph)
    assert sorted(names) == sorted(order)
    for op in graph:
        assert all(names.index(source) < names.index(op.name) for source in op.input_names)
    graph.sort()
    assert _names(graph) == names


def test_of_type_and_outputs() -> None:
    graph = _chain()
    graph.add(_op("side", "a"))
    graph.add(const("unused", np.ones(1)))
    assert [op.name for op in graph.of_type("const")] == ["w", "unused"]
    assert [op.name for op in graph.outputs()] == ["c", "side"]


def test_copy_is_independent() -> None:
    graph = _chain()
    graph.attrs["origin"] = ["x"]
    graph.root = Subgraph("root", {"device": "dpu"}, ["a"])
    graph.op("b").attrs["kernel"] = [1, 1]
    twin = graph.copy()
    twin.op("b").attrs["kernel"].append(9)
    twin.op("b").tensor.attrs["fix_point"] = 3
    twin.op("b").args["input"].append("c")
    twin.op("w").data = np.zeros(2)
    twin.attrs["origin"].append("y")
    assert twin.root is not None
    twin.root.ops.append("b")
    assert graph.op("b").attrs == {"kernel": [1, 1]}
    assert graph.op("b").tensor.attrs == {}
    assert graph.op("b").args == {"input": ["a"], "weights": ["w"]}
    np.testing.assert_array_equal(graph.data_of(graph.op("b"), "weights"), [1, 1])
    assert graph.attrs == {"origin": ["x"]}
    assert graph.root.ops == ["a"]


def test_subgraphs_by_device() -> None:
    graph = _chain()
    assert graph.subgraphs() == []
    inner = Subgraph("leaf", {}, ["b"])
    dpu = Subgraph("dpu", {"device": "dpu"}, ["a"], [inner])
    cpu = Subgraph("cpu", {"device": "CPU"}, ["c"])
    graph.root = Subgraph("root", {}, [], [dpu, cpu])
    assert graph.subgraphs("DPU") == [dpu]
    assert graph.subgraphs() == [dpu, cpu]
    assert (dpu.device, cpu.device, inner.device) == ("DPU", "CPU", "")
    assert dpu.all_ops() == ["a", "b"]


@pytest.mark.parametrize("attrs", [{}, {"fix_point": "6"}, {"fix_point": None}], ids=str)
def test_fix_point_must_be_an_integer(attrs: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="tensor 't' must have an integer fix_point, got"):
        _ = Tensor("t", (1,), "xint8", attrs).fix_point


def test_const_is_float32() -> None:
    op = const("w", np.arange(6).reshape(2, 3))
    assert op.tensor.dims == (2, 3)
    assert op.data is not None and op.data.dtype == np.float32
