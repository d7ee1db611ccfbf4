"""The report on layers as table and picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from matplotlib import image

from host.report.layers_plot import plot_layers
from host.report.layers_table import layers_table

PLACE = {
    "position": 5,
    "low": -1.25,
    "high": 3.0,
    "code_low": -4.0,
    "code_high": 3.96875,
    "saturated": 0.0125,
    "snr_db": 31.44,
}
ALONE = {"output_snr_db": 40.0, "agreement": 0.98, "accuracy": None}


def _analysis(layers: int = 1, accuracy: float | None = None) -> dict[str, Any]:
    entry = {
        "type": "conv2d",
        "places": {"kernel": PLACE, "output": {**PLACE, "snr_db": None, "saturated": 0.0}},
        "alone": ALONE,
    }
    return {
        "images": 128,
        "output_snr_db": None,
        "agreement": 1.0,
        "accuracy": accuracy,
        "float_accuracy": accuracy,
        "layers": [{"layer": f"conv{number}", **entry} for number in range(layers)],
    }


def test_table_says_it_in_words() -> None:
    analysis = _analysis()
    text = layers_table(analysis, analysis["layers"])
    assert text.startswith("128 images. Output against the float network: exact, 100.0% keep")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| ")
    ]
    assert rows[2] == [
        *("conv0", "kernel", "5", "-1.25 .. 3", "-4 .. 3.969", "1.250%", "31.4 dB"),
        *("40.0 dB", "2.0%"),
    ]
    assert rows[3] == ["", "output", "5", "-1.25 .. 3", "-4 .. 3.969", "0", "exact", "", ""]
    assert text.endswith("Costliest layers: conv0 (40.0 dB)\n")
    assert "Accuracy" not in text


def test_table_gives_the_accuracy_if_it_is_known() -> None:
    analysis = _analysis(accuracy=0.5)
    assert "float 50.00%, int8 50.00%." in layers_table(analysis, analysis["layers"])


@pytest.mark.parametrize("layers", [1, 60])
def test_picture_grows_with_the_layers(layers: int, tmp_path: Path) -> None:
    plot_layers(_analysis(layers), tmp_path / "layers.png")
    pixels = image.imread(tmp_path / "layers.png")
    assert pixels.shape[0] > 100 + 25 * layers
    assert pixels.std() > 0.05  # not blank
