"""The reliability plot: how often answers of a confidence are right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from target import files


def plot_reliability(found: dict[str, Any], title: str, path: Path) -> None:
    """Write a PNG: accuracy over confidence, and how many answers there are of each.

    Args:
        found: Of host.training.confidence.reliability.
        title: Above the plot.
        path: PNG file, replaced whole.
    """
    from matplotlib.figure import Figure  # heavy; only this function needs it

    bins = [entry for entry in found["bins"] if entry["n"]]
    figure = Figure(figsize=(5.2, 6.0), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    error, temperature = found["expected_calibration_error"], found["temperature"]
    figure.suptitle(
        f"{title}\nexpected calibration error {error:.1%}, temperature {temperature}", size=10
    )
    upper.plot(
        [0, 1],
        [0, 1],
        color="grey",
        linestyle="--",
        linewidth=1,
        label="a confidence that is right",
    )
    upper.plot(
        [entry["confidence"] for entry in bins],
        [entry["accuracy"] for entry in bins],
        marker="o",
        color="#0072B2",
        label="this model",
    )
    upper.set_ylabel("share of right answers")
    upper.set_ylim(0, 1.02)
    upper.legend(loc="upper left", fontsize=8)
    lower.bar(
        [(entry["from"] + entry["to"]) / 2 for entry in bins],
        [entry["n"] for entry in bins],
        width=0.09,
        color="#0072B2",
    )
    lower.set_ylabel("answers")
    lower.set_xlabel("confidence")
    lower.set_xlim(0, 1)
    for panel in (upper, lower):
        panel.grid(alpha=0.3)
    with files.replacing(path) as temporary:
        figure.savefig(temporary, dpi=120)
