"""Frames a second with one thread and with several. Must not import TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from host.report.document import Column, Plot, Table, make_table
from host.report.runs import Run
from host.report.svg import draw_svg
from host.report.wording import count, join, ratio, shorten, significant

_COLOUR = {"measured": "#0072b2", "emulated": "#009e73", "predicted": "#999999"}
_MOST_RUNS = 16
_LETTERS = 26


def throughput_table(runs: Sequence[Run]) -> Table | None:
    """Return the frames a second of each number of threads of runs of one kind; None if unknown."""
    tried = [run for run in runs if run.record.get("throughput")]
    if not tried:
        return None
    threads = sorted({entry["threads"] for run in tried for entry in run.record["throughput"]})
    columns = [Column("runner"), Column("model"), Column("device")]
    columns += [Column(str(number), "frames/s with so many threads", True) for number in threads]
    columns += [Column("gain", numeric=True), Column("jobs in flight", numeric=True)]
    rows = []
    for run in tried:
        found = {entry["threads"]: entry for entry in run.record["throughput"]}
        rates = [found[number]["fps"] if number in found else None for number in threads]
        known = [rate for rate in rates if rate]
        rows.append(
            [
                run.name,
                run.model,
                run.place,
                *(None if rate is None else significant(rate) for rate in rates),
                ratio(max(known) / known[0]) if known else None,
                count(next(iter(found.values()))["in_flight"]),
            ]
        )
    notes = [
        "Each thread has a runner of its own and takes frames through preprocessing, inference and"
        " postprocessing. Gain: the best number of threads relative to one."
    ]
    return make_table(f"Throughput, {tried[0].kind}", columns, rows, notes)


def throughput_plot(runs: Sequence[Run]) -> Plot | None:
    """Return bars of the frames a second with one thread and with the best number of threads."""
    shown = [run for run in runs if run.record.get("throughput")][:_MOST_RUNS]
    if not shown:
        return None
    kind = shown[0].kind
    one = [float(run.record["throughput"][0]["fps"]) for run in shown]
    best = [max(float(entry["fps"]) for entry in run.record["throughput"]) for run in shown]

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        colour = _COLOUR[kind]
        places = range(len(shown))
        axes.barh(places, best, 0.66, color=colour, alpha=0.35, label="best number of threads")
        bars = axes.barh(places, one, 0.36, color=colour, label="one thread")
        axes.bar_label(bars, [""] * len(shown))
        for place, rate in enumerate(best):
            axes.text(rate, place, f"  {significant(rate)}", va="center", fontsize=9)
        names = [f"{shorten(run.name, _LETTERS)}\n{shorten(run.model, _LETTERS)}" for run in shown]
        axes.set_yticks(places, names, fontsize=9)
        axes.set_ylim(len(shown) - 0.45, -0.55)
        axes.margins(x=0.16)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.locator_params(axis="x", nbins=5)
        axes.set_xlabel(f"frames/s, {kind}")
        axes.grid(axis="x", alpha=0.3)
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)
        figure.legend(loc="outside upper center", ncols=2, fontsize=9)

    numbers = [f"{run.name}, {run.model}: {significant(rate)}" for run, rate in zip(shown, best)]
    return Plot(
        draw_svg(f"throughput-{kind}", 1.1 + 0.5 * len(shown), draw),
        f"Bars of the {kind} frames a second. Best: {join(numbers)}.",
        f"Frames a second, {kind}: with one thread (dark) and with the best number of threads.",
    )


def energy_table(runs: Sequence[Run]) -> Table | None:
    """Return what sensors said of runs of one kind; None if there was none."""
    known = [run for run in runs if run.record.get("energy")]
    if not known:
        return None
    columns = [Column("runner"), Column("model"), Column("sensor")]
    columns += [Column("at rest", "power, W", True), Column("at work", "power, W", True)]
    columns += [Column("mJ/frame above rest", numeric=True)]
    rows = [
        [
            run.name,
            run.model,
            str(run.record["energy"]["sensor"]),
            significant(float(run.record["energy"]["idle_w"])),
            significant(float(run.record["energy"]["busy_w"])),
            None
            if run.record["energy_mj_per_frame"] is None
            else significant(run.record["energy_mj_per_frame"]),
        ]
        for run in known
    ]
    notes = [
        "Above rest: what the sensor showed before is subtracted. Measured apart from latencies."
    ]
    return make_table(f"Energy, {known[0].kind}", columns, rows, notes)
