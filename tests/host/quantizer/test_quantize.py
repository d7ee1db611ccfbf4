from __future__ import annotations

import numpy as np
import pytest

from host.dpu.emulator import Emulator
from host.graph.graph import Graph
from host.quantizer.config import QuantConfig
from host.quantizer.export import int8_weights_of, output_codes_of, positions_of
from host.quantizer.quantize import optimize, quantize_graph
from host.quantizer.to_dpu_functions import to_dpu_functions
from target.errors import DataError
from tests.host.small_graphs import add_conv, add_data, add_op

IMAGES = np.random.default_rng(0).random((20, 4, 4, 2)).astype(np.float32)


def _graph() -> Graph:
    graph = Graph("g")
    add_data(graph, (1, 4, 4, 2))
    generator = np.random.default_rng(1)
    head = generator.normal(size=(3, 1, 1, 2)) * np.array([1, 50, 0.01]).reshape(3, 1, 1, 1)
    add_conv(graph, "a", "image", head, generator.normal(size=3))
    add_op(graph, "relu", "relu", ["a"], __keras="ReLU")
    add_conv(graph, "b", "relu", generator.normal(size=(2, 1, 1, 3)))
    add_op(graph, "flat", "reshape", ["b"], (1, 32))
    add_conv(graph, "fc", "flat", generator.normal(size=(4, 32)), np.zeros(4), "inner-product")
    add_op(graph, "soft", "softmax", ["fc"], axis=-1, __keras="Activation")
    return graph


def test_quantize_does_not_change_the_float_graph() -> None:
    graph = _graph()
    before = {op.name: (op.type, dict(op.args), op.data) for op in graph}
    quantize_graph(graph, IMAGES, QuantConfig(20, 8))
    for op in graph:
        kind, args, data = before.pop(op.name)
        assert (op.type, op.args) == (kind, args)
        assert op.data is data
    assert not before


def test_quantize_uses_the_first_images_in_order() -> None:
    first = quantize_graph(_graph(), IMAGES, QuantConfig(8, 8))
    same = quantize_graph(
        _graph(), np.concatenate([IMAGES[:8], IMAGES[:5] * 100]), QuantConfig(8, 8)
    )
    assert first.votes == same.votes
    assert {len(votes) for votes in first.votes.values()} == {1}


def test_quantize_says_what_it_changed() -> None:
    quantized = quantize_graph(_graph(), IMAGES, QuantConfig(20, 8))
    after = {op.name: op.attrs["fix_point"] for op in quantized.graph.of_type("fix")}
    assert quantized.before["fc/bias_fix"] == 51  # all zeros
    assert after["fc/bias_fix"] < 51
    assert quantized.changed == sum(after[name] != old for name, old in quantized.before.items())


@pytest.mark.parametrize("count", [21, 1000])
def test_quantize_needs_enough_images(count: int) -> None:
    message = f"calibration images must be at least {count}, got 20; lower --count"
    with pytest.raises(DataError, match=message):
        quantize_graph(_graph(), IMAGES, QuantConfig(count))


@pytest.mark.parametrize("equalize", [True, False])
def test_equalization_can_be_switched_off(equalize: bool) -> None:
    optimized = optimize(_graph(), QuantConfig(equalize=equalize))
    same = np.array_equal(
        optimized.data_of(optimized.op("a"), "weights"),
        _graph().data_of(_graph().op("a"), "weights"),
    )
    assert same is not equalize


def test_default_config_is_amds() -> None:
    assert QuantConfig() == QuantConfig(count=500, batch_size=32, equalize=True, match_vai_q=False)


def test_export_tells_positions_weights_and_codes() -> None:
    quantized = quantize_graph(_graph(), IMAGES, QuantConfig(20, 8))
    positions = positions_of(quantized.graph)
    assert list(positions) == ["image", "a", "relu", "b", "flat", "fc", "soft"]
    assert positions["flat"] == {}
    assert set(positions["a"] or {}) == {"kernel", "bias"}
    assert set(positions["relu"] or {}) == {"output"}
    assert set(positions["soft"] or {}) == {"input"}
    weights = int8_weights_of(quantized.graph)
    assert {name: codes.shape for name, codes in weights.items()} == {
        "a/kernel": (1, 1, 2, 3),
        "a/bias": (3,),
        "b/kernel": (1, 1, 3, 2),
        "fc/kernel": (32, 4),
        "fc/bias": (4,),
    }
    values = Emulator(quantized.graph).run({"image": IMAGES})
    codes = output_codes_of(quantized.graph, values)
    assert set(codes) == {"image", "relu", "b", "soft/input"}
    assert {values.dtype for values in codes.values()} == {np.dtype(np.int8)}


def test_export_marks_float_layers() -> None:
    graph = Graph("g")
    add_data(graph, (1, 4, 4, 2))
    add_op(graph, "both", "concat", ["image", "image"], (1, 4, 4, 4), axis=3)
    add_op(graph, "act", "relu", ["both"])
    quantized = quantize_graph(graph, IMAGES, QuantConfig(20, 8))
    assert positions_of(quantized.graph)["act"] is None


def test_functions_become_those_of_the_dpu() -> None:
    graph = Graph("g")
    add_data(graph, (1, 14, 14, 2))
    add_op(graph, "gate", "sigmoid", ["image"])
    add_op(graph, "leaky", "leaky-relu", ["image"], alpha=0.1)
    add_op(graph, "other", "leaky-relu", ["image"], alpha=0.3)
    for side in (2, 7, 14):
        add_op(graph, f"pool{side}", "avgpool2d", ["image"], kernel=[side, side])
    add_op(graph, "huge", "avgpool2d", ["image"], kernel=[256, 1])
    assert to_dpu_functions(graph) == 5
    assert graph.op("gate").type == "hard-sigmoid"
    assert graph.op("leaky").attrs["alpha"] == 26 / 256
    assert graph.op("other").attrs["alpha"] == 0.3
    assert graph.op("pool2").attrs["dpu_factor"] == [1, 2]
    assert graph.op("pool7").attrs["dpu_factor"] == [21, 10]
    assert graph.op("pool14").attrs["dpu_factor"] == [21, 12]
    assert "dpu_factor" not in graph.op("huge").attrs
