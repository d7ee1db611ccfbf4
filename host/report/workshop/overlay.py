"""The curves of several trainings in one picture: told apart by colour, dashes and marks at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from host.report.wording import shorten
from host.report.workshop.pictures import new_figure, save
from host.report.workshop.trained import TrainedFolder

# Okabe and Ito without the yellow, which white swallows.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_DASHES = ("-", "--", "-.", ":")
_MARKS = "osD^vPX*<>hp"
_MOST_MARKS = 12  # along a curve
_LOGARITHMIC_FROM = 20  # largest loss over smallest
_LETTERS = 40  # of a name in the legend


def draw_overlay(trained: Sequence[TrainedFolder], path: Path) -> None:
    """Write a PNG with validation accuracy above validation loss, in the style that is set."""
    figure = new_figure(5.6 + 0.2 * len(trained))
    accuracy, loss = figure.subplots(2, 1, sharex=True)
    for place, item in enumerate(trained):
        _draw(accuracy, item, place, "val_accuracy")
        _draw(loss, item, place, "val_loss")
    losses = np.array([value for item in trained for value in item.history["val_loss"]])
    losses = losses[np.isfinite(losses)]
    if len(losses) and losses.min() > 0 and losses.max() / losses.min() > _LOGARITHMIC_FROM:
        loss.set_yscale("log")
        loss.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        loss.yaxis.set_minor_formatter(lambda value, _: "")
    accuracy.set_ylabel("validation accuracy")
    loss.set_ylabel("validation loss")
    loss.set_xlabel("epoch")
    loss.xaxis.get_major_locator().set_params(integer=True)
    for axes in (accuracy, loss):
        axes.grid(alpha=0.3)
    handles, labels = accuracy.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=1, fontsize=9)
    save(figure, path)


def _draw(axes: Any, item: TrainedFolder, place: int, metric: str) -> None:
    values = [value if math.isfinite(value) else math.nan for value in item.history[metric]]
    colour, mark = _COLOURS[place % len(_COLOURS)], _MARKS[place % len(_MARKS)]
    axes.plot(
        range(1, len(values) + 1),
        values,
        color=colour,
        linestyle=_DASHES[place % len(_DASHES)],
        marker=mark,
        markersize=4,
        markevery=math.ceil(len(values) / _MOST_MARKS),
        label=shorten(item.name, _LETTERS),
    )
    if item.best_epoch:
        axes.plot(
            item.best_epoch,
            values[item.best_epoch - 1],
            marker="o",
            markersize=10,
            markerfacecolor="none",
            markeredgecolor=colour,
            markeredgewidth=1.6,
        )
