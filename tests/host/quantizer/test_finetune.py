"""Fast finetuning: nearer to float on images that it has not seen, positions untouched."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from host.graph.graph import Graph
from host.quantizer.config import QuantConfig
from host.quantizer.export import positions_of
from host.quantizer.finetune import FinetuneConfig, fast_finetune
from host.quantizer.layers import cost_of
from host.quantizer.quantize import quantize_graph
from tests.host.small_graphs import add_conv, add_data, add_op

IMAGES = np.random.default_rng(1).uniform(0, 1, (60, 6, 6, 3)).astype(np.float32)
CONFIG = FinetuneConfig(epochs=4, batch_size=8, kernel_rate=1e-3, bias_rate=1e-3)


def _quantized() -> Graph:
    rng = np.random.default_rng(2)
    graph = Graph("g")
    add_data(graph, (1, 6, 6, 3))
    add_conv(graph, "c1", "image", rng.normal(size=(8, 1, 1, 3)), rng.normal(size=8) * 0.1)
    add_op(graph, "r1", "relu", ["c1"], __keras="ReLU")
    add_conv(graph, "c2", "r1", rng.normal(size=(4, 1, 1, 8)), rng.normal(size=4) * 0.1)
    return quantize_graph(graph, IMAGES, QuantConfig(count=40, equalize=False)).graph


def test_no_layer_gets_worse_and_positions_stay() -> None:
    graph = _quantized()
    positions = positions_of(graph)
    results = fast_finetune(graph, IMAGES[:40], CONFIG)
    assert [result.layer for result in results] == ["c1", "c2"]
    assert all(result.after <= result.before for result in results)
    assert any(result.epochs for result in results)
    assert positions_of(graph) == positions


def test_output_comes_nearer_on_other_images() -> None:
    exact = _quantized()
    tuned = exact.copy()
    for name in ("c1/bias", "c2/bias"):
        tuned.op(f"{name}_fix").attrs["fix_point"] -= 3  # coarser: an error to make up for
    before = cost_of(tuned, IMAGES[40:], None, exact)["output_snr_db"]
    results = fast_finetune(tuned, IMAGES[:40], dataclasses.replace(CONFIG, epochs=10))
    assert results[-1].after < results[-1].before
    assert cost_of(tuned, IMAGES[40:], None, exact)["output_snr_db"] > before


def test_an_epoch_that_does_not_help_is_undone() -> None:
    graph = _quantized()
    kernels = {op.name: op.data for op in graph.of_type("const")}
    ruinous = dataclasses.replace(CONFIG, kernel_rate=1e3, bias_rate=1e3)
    results = fast_finetune(graph, IMAGES[:40], ruinous)
    for result in results:
        assert result.epochs == 0 and result.after == result.before
    for name, data in kernels.items():
        np.testing.assert_array_equal(graph.op(name).data, data)


def test_same_images_same_weights() -> None:
    first, second = _quantized(), _quantized()
    for graph in (first, second):
        fast_finetune(graph, IMAGES[:40], CONFIG)
    for op in first.of_type("const"):
        np.testing.assert_array_equal(op.data, second.op(op.name).data)


@pytest.mark.parametrize("count", [1, 3])
def test_few_images_are_enough(count: int) -> None:
    assert len(fast_finetune(_quantized(), IMAGES[:count], CONFIG)) == 2


def test_layers_without_fix_points_are_left_alone() -> None:
    graph = Graph("g")
    add_data(graph, (1, 2, 2, 1))
    add_conv(graph, "c", "image", np.ones((1, 1, 1, 1), np.float32))
    assert fast_finetune(graph, np.ones((2, 2, 2, 1), np.float32), CONFIG) == []
