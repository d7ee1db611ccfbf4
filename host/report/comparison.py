"""DPU, CPU and GPU beside each other, and what was predicted beside what was measured.

Must not import TensorFlow. A predicted number never takes a measured one's place: where nothing was
measured, the cell says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from host.report.document import Cell, Column, Table, make_table
from host.report.models import ModelFolder
from host.report.runs import Run
from host.report.wording import count, percent, plain, ratio, significant

_CLASSES = ("DPU", "GPU", "CPU")
NOT_MEASURED = "not measured"


def comparison_table(runs: Sequence[Run]) -> Table | None:
    """Return the best valid measured run of each device class and model; None if there is none.

    A class without one has a row that says so.

    Args:
        runs: All of the report; of each model the benchmarks if there are any, else the streams.
    """
    rows: list[list[Cell]] = []
    for model in dict.fromkeys(run.model for run in runs):
        best = best_by_class([run for run in runs if run.model == model])
        if not best:
            continue
        base = best.get("DPU") or min(best.values(), key=_p90)
        for name in _CLASSES:
            if name in best:
                rows.append(_comparison_row(model, name, best[name], base))
            else:
                rows.append([model, name, NOT_MEASURED, *[None] * 5])
    if not rows:
        return None
    columns = [Column("model"), Column("class"), Column("best runner"), Column("device")]
    columns += [Column(title, "inference, ms", True) for title in ("p50", "p90", "p99")]
    columns += [Column("ratio", numeric=True)]
    notes = [
        "Valid measured runs only, the one with the smallest p90 of each class. Ratio: its p90 divided by"
        " the DPU's, or by the smallest where no DPU was measured."
    ]
    return make_table("DPU, GPU and CPU: measured, batch 1, same images", columns, rows, notes)


def best_by_class(runs: Sequence[Run]) -> dict[str, Run]:
    """Return the valid measured run with the smallest p90 of each device class."""
    valid = [run for run in runs if run.kind == "measured" and not run.faults and run.p90_ms]
    chosen = [run for run in valid if run.task == "bench"] or valid
    best: dict[str, Run] = {}
    for run in sorted(chosen, key=_p90, reverse=True):
        best[run.device_class] = run
    return best


def _p90(run: Run) -> float:
    return run.p90_ms or 0.0


def _comparison_row(model: str, name: str, run: Run, base: Run) -> list[Cell]:
    numbers = [run.inference(statistic) for statistic in ("p50", "p90", "p99")]
    return [
        model,
        name,
        run.name,
        run.place,
        *(None if number is None else significant(number) for number in numbers),
        ratio(_p90(run) / _p90(base)),
    ]


def prediction_table(models: Sequence[ModelFolder], runs: Sequence[Run]) -> Table | None:
    """Return what the latency model predicts and, a row below, what a DPU took; None without predictions."""
    rows: list[list[Cell]] = []
    for model in models:
        found = prediction_of(model)
        if found is not None:
            rows.append(_prediction_row(model, found))
            rows.append(_measured_row(model, best_by_class(_of(model, runs)).get("DPU")))
    if not rows:
        return None
    columns = [Column("model"), Column("kind"), Column("board")]
    columns += [
        Column(title, numeric=True)
        for title in ("DPU, ms", "one thread, ms", "from Python, ms", "all cores, frames/s")
    ]
    columns += [Column("bound by")]
    return make_table("Predicted beside measured", columns, rows, _prediction_notes(models))


def _prediction_row(model: ModelFolder, found: dict[str, Any]) -> list[Cell]:
    shares = found.get("shares") or {}
    bound = next(iter(shares), found.get("bound_by", ""))
    share = f" ({shares[bound]:.0%})" if bound in shares else ""
    return [
        plain(model.name),
        "predicted",
        plain(found["board"]),
        *(significant(float(found[key])) for key in _PREDICTED),
        f"{plain(bound)}{share}",
    ]


def _measured_row(model: ModelFolder, run: Run | None) -> list[Cell]:
    """VART is called from Python here, so the p90 of the inference belongs into that column."""
    if run is None:
        return [plain(model.name), "measured", NOT_MEASURED, *[None] * 5]
    rates = [float(entry["fps"]) for entry in run.record.get("throughput") or []]
    best = significant(max(rates)) if rates else None
    return [
        plain(model.name),
        "measured",
        run.place,
        None,
        None,
        significant(_p90(run)),
        best,
        None,
    ]


_PREDICTED = ("dpu_ms", "latency_1_thread_ms", "python_vart_ms", "fps_multi_thread")


def prediction_of(model: ModelFolder) -> dict[str, Any] | None:
    """Return the manifest's prediction, None if it has none that this page can read."""
    found = model.manifest["predicted_latency"]
    if not isinstance(found, dict) or found.get("kind") != "predicted" or "board" not in found:
        return None
    numbers = [found.get(key) for key in _PREDICTED]
    return found if all(isinstance(number, (int, float)) for number in numbers) else None


def _of(model: ModelFolder, runs: Sequence[Run]) -> list[Run]:
    return [run for run in runs if run.record["model"]["sha256"] == model.sha256]


def _prediction_notes(models: Sequence[ModelFolder]) -> list[str]:
    notes = [
        "One thread: AMD's C++ library, from decoded picture to result. From Python: the call of VART on"
        " a prepared tensor. Bound by: share of the DPU's time in layers that this takes longest in."
    ]
    for found in filter(None, map(prediction_of, models)):
        error = found.get("model_error")
        one = error.get("one_thread") if isinstance(error, dict) else None
        if isinstance(one, dict) and {"median", "p90", "rows"} <= set(one):
            notes.append(
                "The latency model is off published results by"
                f" {percent(one['median'])} in the median and {percent(one['p90'])} at the 90th"
                f" percentile for networks of keras.applications ({count(one['rows'])} rows, each network"
                " left out of the fit in turn)."
            )
            break
    return notes


def network_table(models: Sequence[ModelFolder], runs: Sequence[Run]) -> Table | None:
    """Return the reference figures of the networks, one per column; None without models."""
    if not models:
        return None
    columns = [Column("figure"), *(Column(plain(model.name), numeric=True) for model in models)]
    facts = [_figures(model, _of(model, runs)) for model in models]
    names = list(dict.fromkeys(name for fact in facts for name in fact))
    rows = [[name, *(fact.get(name) for fact in facts)] for name in names]
    kept = [row for row in rows if any(cell is not None for cell in row[1:])]
    notes = ["Measured and emulated times are this report's machines'; predicted ones a model's."]
    if any("†" in (cell or "") for row in kept for cell in row[1:]):
        notes.append("† not valid; the warnings say why.")
    return make_table("The networks side by side", columns, kept, notes)


def _figures(model: ModelFolder, runs: Sequence[Run]) -> dict[str, Cell]:
    accuracy, found = model.accuracy, prediction_of(model) or {}
    images = f" ({count(accuracy.n)} images)" if accuracy else ""
    figures: dict[str, Cell] = {
        f"accuracy, float{images}": percent(accuracy.float_share) if accuracy else None,
        f"accuracy, int8{images}": percent(accuracy.int8_share) if accuracy else None,
        "weights": _whole(model.manifest["training"].get("weights") or found.get("weights")),
        "multiply-adds an image": _whole(found.get("macs")),
    }
    if found:
        figures[f"predicted: DPU of a {plain(found['board'])}, ms"] = significant(found["dpu_ms"])
    for run in runs:
        if run.task == "bench" and run.p90_ms is not None:
            p50 = run.inference("p50")
            shown = (
                significant(run.p90_ms)
                if p50 is None
                else f"{significant(p50)} / {significant(run.p90_ms)}"
            )
            mark = " †" if run.faults else ""
            figures[f"{run.kind}: {run.name}, p50 / p90, ms"] = shown + mark
    return figures


def _whole(value: object) -> Cell:
    return count(value) if isinstance(value, (int, float)) else None
