"""The plots of a report: latencies, stage budget, confusion matrix, training curves.

Must not import TensorFlow. Each plot of times holds runs of one kind and says which.
Colours are those of Okabe and Ito, which people with colour blindness tell apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from host.report.document import Plot
from host.report.model_tables import confusions_of, matrix_model
from host.report.models import ModelFolder
from host.report.runs import BUDGET, Run
from host.report.svg import draw_svg
from host.report.wording import join, plain, plural, shorten, significant

MOST_RUNS = 16  # fit on a sheet of paper
_PERCENTILES = {"p50": "#56b4e9", "p90": "#0072b2", "p99": "#d55e00"}
_STAGES = dict(zip(BUDGET, ("#999999", "#e69f00", "#f0e442", "#0072b2", "#56b4e9", "#009e73")))
_LOGARITHMIC_FROM = 20  # largest value over smallest
_LETTERS = 26  # of a name on one line beside the bars


def latency_plot(runs: Sequence[Run]) -> Plot | None:
    """Return bars of p50, p90 and p99 of the inference, one group per run of one kind."""
    shown = [run for run in runs if run.p90_ms is not None][:MOST_RUNS]
    if not shown:
        return None
    kind = shown[0].kind
    values = {name: [run.inference(name) or 0.0 for run in shown] for name in _PERCENTILES}
    every = [value for series in values.values() for value in series]
    logarithmic = min(every) > 0 and max(every) / min(every) > _LOGARITHMIC_FROM

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for place, (name, series) in enumerate(values.items()):
            offsets = [row + (place - 1) * 0.26 for row in range(len(shown))]
            bars = axes.barh(offsets, series, 0.24, color=_PERCENTILES[name], label=name)
            if name == "p90":
                labels = [significant(value) for value in series]
                axes.bar_label(bars, labels, padding=3, fontsize=9)
        if logarithmic:
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.margins(x=0.16)
        _finish_bars(figure, axes, shown, f"inference, ms, {kind}{', logarithmic' * logarithmic}")

    name = f"latency-{kind}"
    numbers = join([f"{run.name}, {run.model}: {significant(run.p90_ms or 0)} ms" for run in shown])
    left = len([run for run in runs if run.p90_ms is not None]) - len(shown)
    return Plot(
        draw_svg(name, 1.1 + 0.62 * len(shown), draw),
        f"Bars of the {kind} latency of the inference. 90th percentiles: {numbers}.",
        f"Latency of the inference, {kind}: 50th, 90th and 99th percentile; the number is the 90th."
        + (" Logarithmic scale." if logarithmic else "")
        + (f" The first {MOST_RUNS} runs; the table has {left} more." if left else ""),
    )


def _finish_bars(figure: Any, axes: Any, runs: Sequence[Run], label: str) -> None:
    """Label the rows with the runs, first on top, and put the legend above the axes."""
    both = len({run.task for run in runs}) > 1
    models = [run.model + (f", {run.task}" if both else "") for run in runs]
    names = [
        f"{shorten(run.name, _LETTERS)}\n{shorten(model, _LETTERS)}"
        for run, model in zip(runs, models)
    ]
    axes.set_yticks(range(len(runs)), names, fontsize=9)
    axes.set_ylim(len(runs) - 0.45, -0.55)
    axes.set_xlabel(label)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    figure.legend(
        loc="outside upper center", ncols=2 if len(axes.containers) > 3 else 3, fontsize=9
    )


def budget_plot(runs: Sequence[Run]) -> Plot | None:
    """Return a stacked bar of the stages' medians, one per run of one kind and task."""
    shown = [run for run in runs if any(run.stage(stage, "p50") for stage in BUDGET)][:MOST_RUNS]
    if not shown:
        return None
    kind = shown[0].kind

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        left = [0.0] * len(shown)
        for stage, colour in _STAGES.items():
            widths = [run.stage(stage, "p50") or 0.0 for run in shown]
            label = stage.replace("_", " ")
            axes.barh(range(len(shown)), widths, 0.6, left, color=colour, label=label)
            left = [start + width for start, width in zip(left, widths)]
        _finish_bars(figure, axes, shown, f"median, ms, {kind}")

    where = "the application" if shown[0].task == "stream" else "the benchmark"
    parts = join([f"{run.name}, {run.model}: {_medians(run)}" for run in shown])
    return Plot(
        draw_svg(f"budget-{shown[0].task}-{kind}", 1.25 + 0.5 * len(shown), draw),
        f"Stacked bars of the {kind} medians of the stages. {parts}.",
        f"Where the time of a frame goes in {where}, {kind}: median of each stage.",
    )


def _medians(run: Run) -> str:
    medians = {stage: run.stage(stage, "p50") for stage in BUDGET}
    known = [f"{stage} {significant(v)} ms" for stage, v in medians.items() if v is not None]
    return ", ".join(known)


def confusion_plot(model: ModelFolder, name: str) -> Plot | None:
    """Return the confusion matrix, shaded by the share of each row; None if there is none."""
    metrics = model.metrics or {}
    if "confusion" not in metrics:
        return None
    mistakes = confusions_of(metrics)
    answers = f"answers of the{matrix_model(metrics)} model"
    wrong = sum(mistake[0] for mistake in mistakes)
    worst = [
        f"{truth} taken for {answer} {plural(times, 'time')}"
        for times, truth, answer, _ in mistakes[:3]
    ]
    found = f" Most frequent: {join(worst)}." if worst else " No mistake."
    return Plot(
        draw_svg(name, 5.0, lambda figure: _draw_matrix(figure, metrics)),
        f"Confusion matrix of {plain(model.name)}, {answers}: {plural(wrong, 'mistake')}"
        f" among {metrics['n']:,} images.{found}",
        f"Confusion matrix of {plain(model.name)}, {answers}: letters shown (rows) and answers"
        " (columns). Blue: right. Orange: wrong, with the number of images.",
    )


def _draw_matrix(figure: Any, metrics: dict[str, Any]) -> None:
    letters, size = metrics["letters"], len(metrics["letters"])
    axes = figure.subplots()
    for row, counts in enumerate(metrics["confusion"]):
        for column, times in enumerate(counts):
            if times:
                _draw_cell(axes, row, column, times, sum(counts))
    axes.set_xlim(-0.5, size - 0.5)
    axes.set_ylim(size - 0.5, -0.5)
    axes.set_aspect("equal")
    axes.set_xticks(range(size), list(letters), fontsize=8)
    axes.set_yticks(range(size), list(letters), fontsize=8)
    axes.set_xticks([edge - 0.5 for edge in range(size)], minor=True)
    axes.set_yticks([edge - 0.5 for edge in range(size)], minor=True)
    axes.grid(which="minor", alpha=0.25, linewidth=0.5)
    axes.tick_params(which="both", length=0)
    axes.set_xlabel("answer")
    axes.set_ylabel("letter shown")


def _draw_cell(axes: Any, row: int, column: int, times: int, total: int) -> None:
    from matplotlib.patches import Rectangle

    right = row == column
    strength = times / total if right else 0.25 + 0.75 * times / total
    corner = (column - 0.5, row - 0.5)
    colour = "#0072b2" if right else "#e69f00"
    axes.add_patch(Rectangle(corner, 1, 1, color=colour, alpha=strength, linewidth=0))
    if not right:
        size = 6.5 if times < 1000 else 4.5
        axes.text(column, row, str(times), ha="center", va="center", fontsize=size)


def curves_plot(model: ModelFolder, name: str) -> Plot | None:
    """Return loss and accuracy of training and validation over the epochs; None if unknown."""
    if model.history is None:
        return None
    history, best = model.history["history"], int(model.history["best_epoch"])

    def draw(figure: Any) -> None:
        for axes, quantity in zip(figure.subplots(2, 1, sharex=True), ("loss", "accuracy")):
            epochs = range(1, len(history[quantity]) + 1)
            style = {"marker": "o", "markersize": 3}
            axes.plot(epochs, history[quantity], color="#0072b2", label="training", **style)
            validation = history[f"val_{quantity}"]
            axes.plot(epochs, validation, color="#d55e00", label="validation", **style)
            axes.axvline(best, color="#555555", linewidth=1, linestyle=":", label="best epoch")
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.set_ylabel(quantity)
            axes.grid(alpha=0.3)
        axes.set_xlabel("epoch")
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=3, fontsize=9)

    return Plot(
        draw_svg(name, 4.2, draw),
        f"Training curves of {plain(model.name)} over {plural(len(history['loss']), 'epoch')}."
        f" Best epoch {best}: validation loss {history['val_loss'][best - 1]:.4g},"
        f" validation accuracy {history['val_accuracy'][best - 1]:.4g}.",
        f"Training of {plain(model.name)}: loss and accuracy after each epoch.",
    )
