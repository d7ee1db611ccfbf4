"""The layers of a predicted network under the DPU's roof: operations a byte against operations a second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from host.dpu.latency.describe import PEAK_OPS_PER_CYCLE
from target import files

COLOURS = {"compute": "#0072b2", "weights": "#d55e00", "maps": "#e69f00", "overhead": "#999999"}
_NAMES = {
    "compute": "computing",
    "weights": "reading weights",
    "maps": "moving maps",
    "overhead": "starting the layer",
}


def draw_roofline(prediction: dict[str, Any], bandwidth_gb_s: float, axes: Any) -> None:
    """Draw what host.dpu.latency.describe.describe_prediction returned.

    Args:
        prediction: Of one network on one board.
        bandwidth_gb_s: Of one busy core.
        axes: Of a matplotlib figure.
    """
    peak = PEAK_OPS_PER_CYCLE * prediction["clock_mhz"] / 1000
    layers = [layer for layer in prediction["layers"] if layer["macs"]]
    intensities = [layer["ops_per_byte"] for layer in layers] or [1.0]
    low, high = min([*intensities, 1.0]) / 2, max([*intensities, peak / bandwidth_gb_s]) * 2
    corner = peak / bandwidth_gb_s
    axes.plot(
        [low, corner, high], [low * bandwidth_gb_s, peak, peak], color="#333333", linewidth=1.2
    )
    longest = max((layer["total_ms"] for layer in layers), default=1.0)
    for bound, colour in COLOURS.items():
        found = [layer for layer in layers if layer["bound_by"] == bound]
        if found:
            axes.scatter(
                [layer["ops_per_byte"] for layer in found],
                [layer["gops"] for layer in found],
                [20 + 180 * layer["total_ms"] / longest for layer in found],
                color=colour,
                alpha=0.75,
                edgecolors="white",
                linewidths=0.6,
                label=_NAMES[bound],
            )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("operations a byte moved")
    axes.set_ylabel("GOP/s, predicted")
    axes.annotate(
        f"{peak:,.0f} GOP/s",
        (high, peak),
        (0, 4),
        textcoords="offset points",
        ha="right",
        va="bottom",
    )
    axes.set_ylim(top=peak * 2.5)
    axes.annotate(
        f"{bandwidth_gb_s:.1f} GB/s",
        (low * 1.3, low * 1.3 * bandwidth_gb_s),
        (6, -6),
        textcoords="offset points",
        ha="left",
        va="top",
    )
    axes.grid(which="major", alpha=0.3)
    axes.set_axisbelow(True)


def plot_roofline(prediction: dict[str, Any], bandwidth_gb_s: float, path: Path) -> None:
    """Write the plot of a prediction into a .png or .svg file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.8), layout="constrained")
    axes = figure.subplots()
    draw_roofline(prediction, bandwidth_gb_s, axes)
    axes.set_title(
        f"{prediction['network']} on one core of {prediction['board']}: predicted, not measured",
        fontsize=11,
        parse_math=False,  # a name is no formula, whatever is in it
    )
    if axes.get_legend_handles_labels()[0]:
        axes.legend(
            title="most of the time goes into\n(area grows with the layer's time)",
            fontsize=9,
            loc="lower right",
        )
    with files.replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:], dpi=120)
