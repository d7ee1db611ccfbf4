"""How latencies are spread: the share of queries below a time, and how many took about so long.

Must not import TensorFlow. Each plot holds runs of one kind and one model. Drawn from the 201
quantiles that a record keeps, not from every query.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from host.report.document import Plot
from host.report.runs import Run
from host.report.svg import draw_svg
from host.report.wording import join, shorten, significant

# Okabe and Ito's colours, then the same broken: sixteen runs can be told apart.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999")
MOST_RUNS = 2 * len(_COLOURS)
_BINS = 60
_LOGARITHMIC_FROM = 4  # largest value over smallest
_LETTERS = 26


def distribution_plots(runs: Sequence[Run]) -> list[Plot]:
    """Return a cumulative distribution and a histogram for runs of one kind and model.

    Args:
        runs: In the order of the tables; those without a distribution are left out.
    """
    shown = [run for run in runs if len(_quantiles(run)) > 1][:MOST_RUNS]
    if not shown:
        return []
    kind, model = shown[0].kind, shown[0].model
    numbers = join([f"{run.name} {significant(run.inference('p50') or 0)} ms" for run in shown])
    name = "".join(letter if letter.isalnum() else "-" for letter in f"{kind}-{model}")
    height = 2.6 + 0.16 * ((len(shown) + 1) // 2)
    return [
        Plot(
            draw_svg(f"cdf-{name}", height, lambda figure: _draw_cdf(figure, shown)),
            f"Cumulative distribution of the {kind} inference of {model}. Medians: {numbers}.",
            f"{model}, {kind}: share of the queries that took at most so long, up to the 99.5th"
            " percentile. Dotted: the 90th, the headline.",
        ),
        Plot(
            draw_svg(f"histogram-{name}", height, lambda figure: _draw_histogram(figure, shown)),
            f"Histogram of the {kind} inference of {model}. Medians: {numbers}.",
            f"{model}, {kind}: how often an inference took about so long.",
        ),
    ]


def _quantiles(run: Run) -> list[float]:
    found = run.record.get("distribution")
    values = [float(value) for value in found["quantiles_ms"]] if found else []
    return values if values and values[0] > 0 else []


def _draw_cdf(figure: Any, runs: Sequence[Run]) -> None:
    axes = figure.subplots()
    for place, run in enumerate(runs):
        values = _quantiles(run)
        shares = [100 * step / (len(values) - 1) for step in range(len(values))]
        axes.plot(values, shares, label=shorten(run.name, _LETTERS), **_style(place))
    axes.axhline(90, color="#555555", linewidth=0.8, linestyle=":")
    axes.set_ylabel("queries, %")
    _finish(figure, axes, runs)


def _draw_histogram(figure: Any, runs: Sequence[Run]) -> None:
    """Each gap between two quantiles holds the same share of the queries."""
    import numpy as np

    axes = figure.subplots()
    every = [_quantiles(run) for run in runs]
    low, high = min(v[0] for v in every), max(v[-2] for v in every)
    edges = np.geomspace(low * 0.95, max(high, low * 1.1) * 1.05, _BINS + 1)
    for place, (run, values) in enumerate(zip(runs, every)):
        middles = (np.array(values[1:]) + np.array(values[:-1])) / 2
        counts, _ = np.histogram(middles, edges)
        style = _style(place)
        axes.stairs(100 * counts / len(middles), edges, label=shorten(run.name, _LETTERS), **style)
    axes.set_ylabel("queries, %")
    _finish(figure, axes, runs)


def _style(place: int) -> dict[str, Any]:
    return {
        "color": _COLOURS[place % len(_COLOURS)],
        "linestyle": "-" if place < len(_COLOURS) else "--",
        "linewidth": 1.4,
    }


def _finish(figure: Any, axes: Any, runs: Sequence[Run]) -> None:
    """Show from the least to the 99.5th percentile, on a scale that the range asks for."""
    every = [_quantiles(run) for run in runs]
    low, high = min(v[0] for v in every), max(v[-2] for v in every)
    logarithmic = high / low > _LOGARITHMIC_FROM
    if logarithmic:
        axes.set_xscale("log")
        axes.set_xticks(_round_numbers(low, high))
        axes.xaxis.set_minor_formatter(lambda value, _: "")
    axes.set_xlim(low * 0.9, high * 1.08)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    label = f"inference, ms, {runs[0].kind}"
    axes.set_xlabel(label + (", logarithmic" if logarithmic else ""))
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)
    figure.legend(loc="outside upper center", ncols=2, fontsize=8.5)


def _round_numbers(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 times powers of ten within a range."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    every = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    return [value for value in every if low * 0.9 <= value <= high * 1.08]
