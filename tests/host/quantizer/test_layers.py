"""The report on layers, by hand on networks of one or two ops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from host.graph.graph import Graph
from host.quantizer.layers import MAX_IMAGES, analyse_layers, choose_count, cost_of, costliest
from target.errors import DataError
from tests.host.small_graphs import add_conv, add_data, add_fix


def _graph(image_fix: int = 4, kernel_fix: int = 3) -> Graph:
    """Image -> 1x1 convolution with the kernels 0.6 and -0.6, both quantized, its output not."""
    graph = Graph("g")
    add_data(graph, (1, 1, 1, 1))
    add_fix(graph, "image", image_fix)
    add_conv(graph, "conv", "image_fix", np.float32([[[[0.6]]], [[[-0.6]]]]))
    add_fix(graph, "conv/kernel", kernel_fix, "kernel")
    return graph


def _images(*values: float) -> np.ndarray:
    return np.float32(values).reshape(-1, 1, 1, 1)


def _place(analysis: dict[str, Any], layer: str, role: str) -> dict[str, Any]:
    (found,) = [entry for entry in analysis["layers"] if entry["layer"] == layer]
    return dict(found["places"][role])


def test_position_range_and_limits() -> None:
    place = _place(analyse_layers(_graph(), _images(-1, 0.5, 3)), "image", "output")
    assert (place["position"], place["low"], place["high"]) == (4, -1, 3)
    assert (place["code_low"], place["code_high"]) == (-8, 127 / 16)


def test_share_of_saturated_codes() -> None:
    # at 4 bits codes end at 7.9375, and 7.96 still rounds to the last one
    place = _place(analyse_layers(_graph(), _images(7.96, 7.97, 9, -8, -9)), "image", "output")
    assert place["saturated"] == pytest.approx(3 / 5)


def test_noise_of_a_rounding_that_can_be_worked_out() -> None:
    # 0.6 * 8 = 4.8 becomes 5: 0.625, an error of 0.025
    analysis = analyse_layers(_graph(), _images(1, 2))
    expected = 20 * math.log10(0.6 / 0.025)
    assert _place(analysis, "conv", "kernel")["snr_db"] == pytest.approx(expected, abs=0.01)
    assert _place(analysis, "image", "output")["snr_db"] is None  # 1 and 2 are codes
    assert analysis["output_snr_db"] == pytest.approx(expected, abs=0.01)
    alone = {layer["layer"]: layer["alone"]["output_snr_db"] for layer in analysis["layers"]}
    assert alone["image"] is None
    assert alone["conv"] == pytest.approx(expected, abs=0.01)


def test_agreement_and_accuracy() -> None:
    graph = _graph(image_fix=0)  # 0.4 becomes 0: then the first of equals wins
    images, labels = _images(0.4, -0.4, -2, 2), np.array([0, 1, 1, 1])
    analysis = analyse_layers(graph, images, labels)
    assert analysis["float_accuracy"] == 3 / 4
    assert analysis["accuracy"] == 2 / 4
    assert analysis["agreement"] == 3 / 4
    by_layer = {layer["layer"]: layer["alone"]["agreement"] for layer in analysis["layers"]}
    assert by_layer == {"image": 3 / 4, "conv": 1}
    assert [layer["layer"] for layer in costliest(analysis)] == ["image", "conv"]
    assert len(costliest(analysis, 1)) == 1


def test_without_labels_there_is_no_accuracy() -> None:
    analysis = analyse_layers(_graph(), _images(1, 2))
    assert analysis["accuracy"] is analysis["float_accuracy"] is None


def test_float_weights_of_before_are_what_counts() -> None:
    exact, moved = _graph(), _graph()
    moved.op("conv/kernel").data = np.float32([[[[0.625]]], [[[-0.625]]]])  # a code: no noise now
    assert analyse_layers(moved, _images(1))["output_snr_db"] is None
    expected = 20 * math.log10(0.6 / 0.025)
    against = analyse_layers(moved, _images(1), None, exact)
    assert against["output_snr_db"] == pytest.approx(expected, abs=0.01)
    cost = cost_of(moved, _images(1), None, exact)
    assert cost["output_snr_db"] == pytest.approx(expected, abs=0.01)


def test_large_networks_are_looked_at_with_few_images() -> None:
    assert choose_count(_graph(), 10_000) == MAX_IMAGES
    assert choose_count(_graph(), 7) == 7
    graph = Graph("big")
    add_data(graph, (1, 1000, 1000, 1))
    add_conv(graph, "conv", "image", np.zeros((3000, 1, 1, 1), np.float32))
    add_fix(graph, "conv", 4)
    assert 1 <= choose_count(graph, 10_000) < MAX_IMAGES


def test_one_value_is_a_class_by_itself() -> None:
    graph = Graph("g")
    add_data(graph, (1, 1, 1, 1))
    add_fix(graph, "image", 0)  # 0.4 becomes 0, 0.6 becomes 1
    add_conv(graph, "conv", "image_fix", np.ones((1, 1, 1, 1), np.float32))
    add_fix(graph, "conv/kernel", 0, "kernel")
    images, labels = _images(0.4, 0.6, 1, 0), np.array([1, 1, 1, 0])
    analysis = analyse_layers(graph, images, labels)
    assert analysis["float_accuracy"] == 3 / 4  # above a half is class 1
    assert analysis["accuracy"] == 3 / 4
    assert analysis["agreement"] == 1


def test_classes_beyond_the_outputs_are_refused() -> None:
    with pytest.raises(DataError, match="classes must be 0 to 1, got 0 to 77"):
        analyse_layers(_graph(), _images(1, 2), np.array([0, 77]))
