"""The history of a training from scratch as a picture: loss and accuracy."""

from __future__ import annotations

from pathlib import Path

from host.training.scratch.train import REPORT_EVERY, History
from target import files


def plot_history(history: History, images: int, path: Path) -> None:
    """Write a PNG: training over the past 100 images, and the test images after each epoch.

    Args:
        history: At least one epoch.
        images: Trained on in each epoch.
        path: PNG file, replaced whole.
    """
    from matplotlib.figure import Figure  # heavy; only this function needs it

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    ends = [images * (epoch + 1) for epoch in range(len(history.epochs["loss"]))]
    for panel, name in zip(figure.subplots(1, 2), ("loss", "accuracy")):
        if history.past:
            label = f"training, past {REPORT_EVERY} images"
            panel.plot(history.past["seen"], history.past[name], linewidth=1, label=label)
        panel.plot(ends, history.epochs[name], "s", markersize=4, label="training, whole epoch")
        panel.plot(ends, history.epochs[f"test_{name}"], "o-", markersize=4, label="test")
        panel.set_xlabel("training images seen")
        panel.set_ylabel(name)
        panel.set_ylim(bottom=0)
        panel.grid(alpha=0.3)
        panel.legend(fontsize=8)
    with files.replacing(path) as temporary:
        figure.savefig(temporary, dpi=120)
