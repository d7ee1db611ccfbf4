"""Where AMD's quantizer quantizes: one small graph a rule."""

from __future__ import annotations

import numpy as np
import pytest

from host.graph.graph import Graph, const
from host.quantizer.annotate import FLOAT, LAYER, METHOD, ROLE, annotate
from tests.host.small_graphs import add_conv, add_data, add_op

WEIGHTS = np.ones((2, 1, 1, 2), np.float32)
POOL = {"kernel": [2, 2], "stride": [2, 2]}


def _start() -> Graph:
    graph = Graph("g")
    add_data(graph, (1, 4, 4, 2))
    return graph


def _conv(graph: Graph, name: str, source: str) -> None:
    add_conv(graph, name, source, WEIGHTS, np.zeros(2))


def _places(graph: Graph) -> dict[str, str]:
    """Annotate; return the method of every quantized place but weights, by layer and role."""
    annotate(graph)
    return {
        f"{op.attrs[LAYER]}/{op.attrs[ROLE]}": op.attrs[METHOD]
        for op in graph.of_type("fix")
        if graph.input(op).data is None
    }


IMAGE = {"image/output": "non-overflow"}


def test_weights_round_half_to_even_and_activations_half_up() -> None:
    graph = _start()
    _conv(graph, "conv", "image")
    annotate(graph)
    modes = {op.name: op.attrs["round_mode"] for op in graph.of_type("fix")}
    assert modes == {
        "conv/kernel_fix": "PY3_ROUND",
        "conv/bias_fix": "PY3_ROUND",
        "image_fix": "DPU_ROUND",
        "conv_fix": "DPU_ROUND",
    }
    conv = graph.op("conv")
    assert conv.args == {
        "input": ["image_fix"],
        "weights": ["conv/kernel_fix"],
        "bias": ["conv/bias_fix"],
    }
    fix = graph.op("conv/kernel_fix")
    assert (fix.attrs[LAYER], fix.attrs[ROLE], fix.attrs[METHOD]) == ("conv", "kernel", "min-mse")
    assert (fix.attrs["bit_width"], fix.attrs["if_signed"]) == (8, True)
    assert "fix_point" not in fix.attrs


@pytest.mark.parametrize("kind", ["relu", "relu6", "leaky-relu"])
def test_convolution_is_quantized_behind_its_activation(kind: str) -> None:
    graph = _start()
    _conv(graph, "conv", "image")
    add_op(graph, "act", kind, ["conv"], alpha=0.1)
    assert _places(graph) == {**IMAGE, "act/output": "min-mse"}
    assert graph.op("act").args["input"] == ["conv"]
    assert FLOAT not in graph.op("act").attrs


def test_activation_of_a_convolution_with_a_second_user_stays_float() -> None:
    graph = _start()
    _conv(graph, "conv", "image")
    add_op(graph, "act", "relu", ["conv"])
    add_op(graph, "sum", "add", ["conv", "act"])
    assert _places(graph) == {**IMAGE, "conv/output": "min-mse", "sum/output": "min-mse"}
    assert FLOAT in graph.op("act").attrs


def test_float_tensor_is_quantized_for_a_flatten() -> None:
    graph = _start()
    add_op(graph, "act", "relu", ["image"])
    add_op(graph, "flat", "reshape", ["act"])
    assert _places(graph) == {**IMAGE, "act/output": "non-overflow"}


def test_float_tensor_with_two_users_is_not_quantized_again() -> None:
    graph = _start()
    add_op(graph, "act", "relu", ["image"])
    _conv(graph, "conv", "act")
    add_op(graph, "sum", "add", ["conv", "act"])
    assert _places(graph) == {**IMAGE, "conv/output": "min-mse", "sum/output": "min-mse"}


@pytest.mark.parametrize("kind", ["tanh", "elu", "gelu", "softmax", "hard-sigmoid"])
def test_activation_layer_of_a_curve_is_quantized_before(kind: str) -> None:
    graph = _start()
    _conv(graph, "first", "image")
    add_op(graph, "act", kind, ["first"], __keras="Activation")
    _conv(graph, "second", "act")
    assert _places(graph) == {**IMAGE, "act/input": "min-mse", "second/output": "min-mse"}
    assert graph.op("second").args["input"] == ["act"]


def test_softmax_layer_behind_a_pool_is_quantized_twice() -> None:
    graph = _start()
    add_op(graph, "pool", "maxpool2d", ["image"])
    add_op(graph, "act", "softmax", ["pool"], __keras="Activation")
    assert _places(graph) == {**IMAGE, "pool/output": "min-mse", "act/input": "min-mse"}


def test_activation_layer_behind_a_reshape_stays_float() -> None:
    graph = _start()
    add_op(graph, "flat", "reshape", ["image"])
    add_op(graph, "act", "softmax", ["flat"], __keras="Activation")
    assert _places(graph) == IMAGE


def test_prelu_has_slopes_and_an_output_of_its_own() -> None:
    graph = _start()
    _conv(graph, "conv", "image")
    add_op(graph, "act", "prelu", ["conv"])
    graph.add(const("act/alpha", np.ones(2)), before="act")
    graph.op("act").args["weight"] = ["act/alpha"]
    assert _places(graph) == {**IMAGE, "conv/output": "min-mse", "act/output": "min-mse"}
    slopes = graph.input(graph.op("act"), "weight")
    assert (slopes.attrs[ROLE], slopes.attrs[METHOD]) == ("alpha", "min-mse")
    assert slopes.attrs["round_mode"] == "PY3_ROUND"


def test_sigmoid_is_quantized_on_both_sides() -> None:
    graph = _start()
    _conv(graph, "conv", "image")
    add_op(graph, "gate", "hard-sigmoid", ["conv"])
    assert _places(graph) == {**IMAGE, "conv/output": "min-mse", "gate/output": "min-mse"}


@pytest.mark.parametrize("kind", ["relu", "relu6"])
@pytest.mark.parametrize("operation", ["ADD", "MUL"])
def test_sum_is_quantized_behind_its_relu(operation: str, kind: str) -> None:
    graph = _start()
    add_op(graph, "sum", operation.lower(), ["image", "image"])
    add_op(graph, "act", kind, ["sum"])
    assert _places(graph) == {**IMAGE, "act/output": "min-mse"}


def test_leaky_relu_behind_a_sum_stays_float_and_is_quantized_for_the_next_layer() -> None:
    graph = _start()
    add_op(graph, "sum", "add", ["image", "image"])
    add_op(graph, "act", "leaky-relu", ["sum"], alpha=0.1)
    _conv(graph, "conv", "act")
    assert _places(graph) == {
        **IMAGE,
        "sum/output": "min-mse",
        "act/output": "non-overflow",
        "conv/output": "min-mse",
    }
    assert graph.op("act").attrs[FLOAT]


def test_pool_and_its_relu_are_both_quantized() -> None:
    graph = _start()
    add_op(graph, "pool", "maxpool2d", ["image"], (1, 2, 2, 2), **POOL)
    add_op(graph, "act", "relu", ["pool"])
    assert _places(graph) == {**IMAGE, "pool/output": "min-mse", "act/output": "min-mse"}


def test_relu_on_its_own_stays_float() -> None:
    graph = _start()
    add_op(graph, "both", "concat", ["image", "image"], (1, 4, 4, 4), axis=3)
    add_op(graph, "act", "relu", ["both"])
    assert _places(graph) == {**IMAGE, "both/output": "min-mse"}
    assert graph.op("act").attrs[FLOAT]


def test_float_input_of_a_layer_with_two_inputs_is_not_quantized() -> None:
    graph = _start()
    add_op(graph, "act", "relu", ["image"])
    add_op(graph, "sum", "add", ["act", "image"])
    assert _places(graph) == {**IMAGE, "sum/output": "min-mse"}
    assert graph.op("sum").args["input"] == ["act", "image_fix"]


@pytest.mark.parametrize("kind", ["reshape", "flatten", "pad"])
def test_reshape_and_padding_pass_codes_through(kind: str) -> None:
    graph = _start()
    _conv(graph, "conv", "image")
    add_op(graph, "through", kind, ["conv"], (1, 32), pad=[0] * 4)
    add_conv(graph, "fc", "through", np.ones((3, 32)), None, "inner-product")
    assert _places(graph) == {**IMAGE, "conv/output": "min-mse", "fc/output": "min-mse"}
    assert graph.op("fc").args["input"] == ["through"]


def _dense_softmax(keras: str) -> Graph:
    graph = Graph("g")
    add_data(graph, (1, 3))
    add_conv(graph, "fc", "image", np.ones((2, 3)), None, "inner-product")
    add_op(graph, "soft", "softmax", ["fc"], axis=-1, __keras=keras)
    return graph


def test_activation_softmax_has_its_input_quantized() -> None:
    graph = _dense_softmax("Activation")
    assert _places(graph) == {**IMAGE, "soft/input": "min-mse"}
    (source,) = graph.op("soft").args["input"]
    assert graph.op(source).args["input"] == ["fc"]


def test_softmax_layer_is_unknown_and_its_dense_layer_quantized() -> None:
    assert _places(_dense_softmax("Softmax")) == {**IMAGE, "fc/output": "min-mse"}


@pytest.mark.parametrize("kind", ["maxpool2d", "avgpool2d", "concat", "add"])
def test_other_layers_are_quantized_at_their_output(kind: str) -> None:
    graph = _start()
    sources = ["image", "image"] if kind in ("concat", "add") else ["image"]
    add_op(graph, "layer", kind, sources, axis=3, type="ADD", **POOL)
    assert _places(graph) == {**IMAGE, "layer/output": "min-mse"}


def test_annotated_graph_is_in_order() -> None:
    graph = _start()
    _conv(graph, "conv", "image")
    add_op(graph, "act", "relu", ["conv"])
    _conv(graph, "last", "act")
    annotate(graph)
    seen: set[str] = set()
    for op in graph:
        assert set(op.input_names) <= seen
        seen.add(op.name)
    assert [op.name for op in graph if op.data is None and op.type != "fix"] == [
        "image",
        "conv",
        "act",
        "last",
    ]
