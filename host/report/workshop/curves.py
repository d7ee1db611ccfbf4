"""The history of a training as a picture: loss and accuracy, training and validation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from target import files


def plot_history(
    history: dict[str, list[float]],
    best_epoch: int,
    title: str,
    path: Path,
    stacked: bool = False,
) -> None:
    """Write a PNG with the curves of loss and accuracy; the best epoch is marked.

    Args:
        history: loss, accuracy, val_loss, val_accuracy: one value per epoch.
        best_epoch: 1-based.
        title: Above both panels.
        path: PNG file, replaced whole.
        stacked: One panel above the other, narrow enough for a phone, instead of side by side.
    """
    from matplotlib.figure import Figure  # heavy; only this function needs it

    size, rows, columns, dpi = ((5.4, 6.0), 2, 1, 200) if stacked else ((9, 3.6), 1, 2, 120)
    figure = Figure(figsize=size, layout="constrained")
    figure.suptitle(title)
    for panel, name in zip(figure.subplots(rows, columns), ("loss", "accuracy")):
        _draw(panel, history, name, best_epoch)
    with files.replacing(path) as temporary:
        figure.savefig(temporary, dpi=dpi)


def _draw(panel: Any, history: dict[str, list[float]], name: str, best_epoch: int) -> None:
    epochs = range(1, len(history[name]) + 1)
    panel.plot(epochs, history[name], marker="o", markersize=3, label="training")
    panel.plot(epochs, history[f"val_{name}"], marker="o", markersize=3, label="validation")
    panel.axvline(best_epoch, color="grey", linewidth=0.8, linestyle=":", label="best epoch")
    panel.xaxis.get_major_locator().set_params(integer=True)
    panel.set_xlabel("epoch")
    panel.set_ylabel(name)
    panel.grid(alpha=0.3)
    panel.legend(fontsize=8)
