"""The layers of a quantized network as a plot: noise of weights and outputs, and what each costs alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from target import files

_DATA, _WEIGHTS, _COST = "#2f6f8f", "#c98a2b", "#a23b3b"


def plot_layers(analysis: dict[str, Any], path: Path) -> None:
    """Draw what host.quantizer.layers.analyse_layers returned into a PNG.

    Left: signal-to-noise ratio of each layer's weights and output against the float network. Right:
    that of the network's output if this layer alone is quantized; short bars are the costly layers.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    layers = analysis["layers"]
    figure = Figure(figsize=(11, 1.6 + 0.26 * len(layers)), layout="constrained")
    FigureCanvasAgg(figure)
    noise, cost = figure.subplots(1, 2, sharey=True)
    rows = list(range(len(layers)))
    for roles, colour, label in (
        (("kernel", "alpha"), _WEIGHTS, "weights"),
        (("output", "input"), _DATA, "output (of softmax and its kin: input)"),
    ):
        found = [
            (row, place["snr_db"])
            for row, layer in zip(rows, layers)
            for role, place in layer["places"].items()
            if role in roles and place["snr_db"] is not None
        ]
        noise.scatter([snr for _, snr in found], [row for row, _ in found], c=colour, label=label)
    # A dollar would begin a formula.
    noise.set_yticks(rows, [layer["layer"].replace("$", r"\$") for layer in layers], fontsize=8)
    noise.invert_yaxis()
    noise.set_xlabel("signal to noise against float, dB")
    noise.set_title("Noise in each layer")
    noise.grid(alpha=0.3)
    noise.legend(loc="best", fontsize=8)
    bars = [layer["alone"]["output_snr_db"] for layer in layers]
    limit = max((snr for snr in bars if snr is not None), default=1.0) * 1.05
    cost.barh(rows, [limit if snr is None else max(snr, 0) for snr in bars], color=_COST, alpha=0.8)
    for row, layer in zip(rows, layers):
        changed = 1 - layer["alone"]["agreement"]
        if changed:
            cost.annotate(
                f" {changed:.1%} change class", (0, row), va="center", fontsize=7, color="w"
            )
    cost.set_xlabel("signal to noise of the network's output, dB (short is costly)")
    cost.set_title("This layer alone quantized")
    cost.grid(axis="x", alpha=0.3)
    with files.replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)
