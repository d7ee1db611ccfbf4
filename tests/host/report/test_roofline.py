from __future__ import annotations

import warnings
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import image
from matplotlib.figure import Figure

from host.dpu.latency.boards import BOARDS, find_board, find_release
from host.dpu.latency.describe import describe_prediction
from host.dpu.latency.layers import workload_of
from host.dpu.latency.parameters import load_parameters
from host.dpu.latency.predict import Prediction, predict
from host.report.roofline import COLOURS, draw_roofline, plot_roofline
from host.xmodel.reader import read_xmodel
from tests.host.dpu.latency.made import layer, predicted


def _layer(
    bound_by: str, ops_per_byte: float, gops: float, total_ms: float = 1.0
) -> dict[str, Any]:
    return {
        "bound_by": bound_by,
        "macs": 1000,
        "ops_per_byte": ops_per_byte,
        "gops": gops,
        "total_ms": total_ms,
    }


def _prediction(*layers: dict[str, Any], network: str = "net") -> dict[str, Any]:
    return {"network": network, "board": "zcu104", "clock_mhz": 300, "layers": list(layers)}


POOL = {**_layer("overhead", 0, 0), "macs": 0}
COMPUTE, WEIGHTS = _layer("compute", 400, 900), _layer("weights", 2, 10, 2.0)


def _axes(prediction: dict[str, Any]) -> Any:
    axes = Figure().subplots()
    draw_roofline(prediction, 8.0, axes)
    return axes


def test_roof_is_bandwidth_up_to_the_corner_and_peak_behind_it() -> None:
    axes = _axes(_prediction(COMPUTE, WEIGHTS))
    (roof,) = axes.lines
    # 4096 operations a cycle at 300 MHz; the corner where 8 GB/s reach them; half and twice the ends
    peak = 1228.8
    assert list(roof.get_xdata()) == [0.5, peak / 8, 800]
    assert list(roof.get_ydata()) == [4.0, peak, peak]
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert [text.get_text() for text in axes.texts] == ["1,229 GOP/s", "8.0 GB/s"]


def test_layers_are_points_by_what_bounds_them_and_pools_are_none() -> None:
    axes = _axes(_prediction(COMPUTE, POOL, WEIGHTS))
    points = {points.get_label(): points for points in axes.collections}
    assert set(points) == {"computing", "reading weights"}
    assert points["computing"].get_offsets().tolist() == [[400, 900]]
    assert points["reading weights"].get_offsets().tolist() == [[2, 10]]
    # an area of 20 and 180 for the longest layer, of which the other takes half the time
    assert points["computing"].get_sizes().tolist() == [20 + 90]
    assert points["reading weights"].get_sizes().tolist() == [20 + 180]


@pytest.mark.parametrize("bound_by", COLOURS)
def test_every_bound_has_a_name_in_the_legend(bound_by: str) -> None:
    (points,) = _axes(_prediction(_layer(bound_by, 2, 10))).collections
    assert not points.get_label().startswith("_")


def test_axis_says_that_it_is_predicted() -> None:
    axes = _axes(_prediction(COMPUTE))
    assert axes.get_ylabel() == "GOP/s, predicted"


def _heights(prediction: Prediction) -> np.ndarray:
    """Return how high each point is drawn, relative to the roof above it."""
    axes = Figure().subplots()
    described = describe_prediction(prediction, load_parameters()[1])
    draw_roofline(described, prediction.bandwidth_gb_s, axes)
    (roof,) = axes.lines
    points = np.concatenate([found.get_offsets() for found in axes.collections])
    assert len(points) == sum(layer["macs"] > 0 for layer in described["layers"])
    above = np.interp(np.log(points[:, 0]), np.log(roof.get_xdata()), np.log(roof.get_ydata()))
    return np.asarray(points[:, 1] / np.exp(above))


@pytest.mark.parametrize("release", ["1.4", "2.0", "3.0"])
@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("name", ["tutorial", "signnet"])
def test_no_layer_is_above_the_roof(
    name: str, board: str, release: str, released: dict[str, Path]
) -> None:
    graph, version = read_xmodel(released[name] / f"{name}.xmodel"), find_release(release)
    parameters, _ = load_parameters()
    found = predict(workload_of(graph, version), find_board(board), version, parameters)
    assert (_heights(found) < 1).all()


@pytest.mark.parametrize("on_chip", [True, False], ids=["on the chip", "in memory"])
def test_a_layer_that_only_moves_maps_is_just_below_the_roof(on_chip: bool) -> None:
    moving = layer(macs=1_000_000, map_bytes=6_000_000, on_chip=on_chip)
    # 1 ms in memory, half of that where half of the bytes stay on the chip; and a start of 0.01 ms
    expected = 0.5 / 0.51 if on_chip else 1 / 1.01
    assert _heights(predicted(moving)) == pytest.approx([expected], rel=2e-3)


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_plot_is_a_picture(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"roofline{suffix}"
    plot_roofline(_prediction(COMPUTE, WEIGHTS), 8.0, path)
    if suffix == ".png":
        assert image.imread(path).shape[:2] == (576, 864)  # 4.8 x 7.2 inches of 120 dots
    else:
        assert ET.parse(path).getroot().tag.endswith("}svg")
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("layers", [[], [POOL]], ids=["no layer", "a pool"])
def test_plot_without_a_layer_that_multiplies_has_no_legend(
    layers: list[dict[str, Any]], tmp_path: Path
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot_roofline(_prediction(*layers), 8.0, tmp_path / "roofline.svg")


@pytest.mark.parametrize("network", ["a$_{$b", "100 %", "<a&b>", "$\\frac$"])
def test_name_of_the_network_is_no_formula(network: str, tmp_path: Path) -> None:
    plot_roofline(_prediction(COMPUTE, network=network), 8.0, tmp_path / "roofline.svg")
    ET.parse(tmp_path / "roofline.svg")
