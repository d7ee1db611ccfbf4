"""The summary of a report in plain sentences, and what a reader must be warned of.

Must not import TensorFlow. The headline of a latency is its 90th percentile.
"""

from __future__ import annotations

from collections.abc import Sequence

from host.report.comparison import prediction_of
from host.report.models import Accuracy, ModelFolder
from host.report.runs import KINDS, Run, environment_text, groups_of, of_kind
from host.report.wording import (
    count,
    join,
    percent,
    plain,
    plural,
    ratio,
    shorten,
    significant,
    threads_text,
)

_OPENING = {"measured": "Measured", "emulated": "Emulated", "predicted": "Predicted (not measured)"}
_CLOSING = {
    "measured": "",
    "emulated": " That is the time of the computer that emulates, not the DPU's.",
    "predicted": " Nothing was run for this number.",
}
_BOUND = {
    "compute": "computing",
    "weights": "reading weights from memory",
    "maps": "moving maps to and from memory",
    "overhead": "starting its layers",
}
_LONGEST = 60  # letters of a name in a sentence
_MOST_OTHERS = 6


def summarize(runs: Sequence[Run], models: Sequence[ModelFolder]) -> list[str]:
    """Return the summary: accuracy of each model, then the latencies of each kind by itself."""
    sentences = [_accuracy_sentence(model) for model in models]
    present = [kind for kind in KINDS if of_kind(runs, kind)]
    for kind in present:
        sentences += _kind_sentences(of_kind(runs, kind))
    sentences += [sentence for model in models if (sentence := _prediction_sentence(model))]
    if len(present) > 1:
        sentences.append(
            f"Times of the kinds {join(present)} are not compared with each other:"
            " each kind has tables and plots of its own."
        )
    return sentences


def _accuracy_sentence(model: ModelFolder) -> str:
    accuracy = model.accuracy
    name = plain(model.name)
    if accuracy is None:
        return f"The accuracy of model {name} is not known; python -m host evaluate finds it."
    where = f" of {plain(accuracy.dataset)}" if accuracy.dataset else ""
    return (
        f"Model {name} is right on {percent(accuracy.float_share)} of"
        f" {plural(accuracy.n, 'image')}{where} before quantization (float) and on"
        f" {percent(accuracy.int8_share)} after it (int8), {_change(accuracy)}."
    )


def _prediction_sentence(model: ModelFolder) -> str | None:
    found = prediction_of(model)
    if found is None:
        return None
    return (
        f"Predicted (not measured), model {plain(model.name)}: the DPU of a {plain(found['board'])} would"
        f" take {significant(found['dpu_ms'])} ms an image, bound by"
        f" {_BOUND.get(str(found.get('bound_by')), plain(found.get('bound_by')))}."
    )


def _change(accuracy: Accuracy) -> str:
    change = round((accuracy.int8_share - accuracy.float_share) * 100, 2)
    if change == 0:
        equal = accuracy.int8_share == accuracy.float_share
        return "the same" if equal else "the same within 0.01 points"
    return f"{abs(change):.2f} points {'less' if change < 0 else 'more'}"


def _kind_sentences(runs: Sequence[Run]) -> list[str]:
    sentences = []
    for model in dict.fromkeys(run.model for run in runs):
        groups = {group[0].task: group for group in groups_of(runs) if group[0].model == model}
        ranked = {
            task: sorted(
                (run for run in group if run.ratio is not None and not run.faults),
                key=lambda run: run.ratio or 0.0,
            )
            for task, group in groups.items()
        }
        best = ranked.get("bench") or ranked.get("stream")
        sentences.append(_headline(best) if best else _no_headline(runs[0].kind, model))
    return sentences


def _no_headline(kind: str, model: str) -> str:
    return f"{_OPENING[kind]}, model {model}: no run is valid and has an infer stage."


def _headline(ranked: Sequence[Run]) -> str:
    """Say how fast the first run is and how many times as long the others take."""
    first = ranked[0]
    name = shorten(plain(first.record["runner"]), _LONGEST)
    runner = f"{name} ({shorten(first.place, _LONGEST)}, {threads_text(first.threads)})"
    which = f"the fastest runner is {runner}" if len(ranked) > 1 else f"runner {runner}"
    where = " in the application" if first.task == "stream" else ""
    verb = "would take" if first.kind == "predicted" else "took"
    text = (
        f"{_OPENING[first.kind]}, model {first.model}: {which};"
        f" 90 % of its inferences{where} {verb} at most {significant(first.p90_ms or 0.0)} ms."
    )
    others = [_relative(run, first) for run in ranked[1 : 1 + _MOST_OTHERS]]
    if left := len(ranked) - 1 - len(others):
        others.append(f"{left} more in the table")
    if others:
        text += f" The p90 of the others, relative to that: {join(others)}."
    return text + _CLOSING[first.kind]


def _relative(run: Run, first: Run) -> str:
    where = "" if run.place == first.place else f" ({shorten(run.place, _LONGEST)})"
    return f"{shorten(run.name, _LONGEST)}{where} {ratio(run.ratio or 0.0)} times"


def find_warnings(runs: Sequence[Run], models: Sequence[ModelFolder]) -> list[str]:
    """Return what keeps a number from being what it seems."""
    warnings = [f"Not valid: {_full(run)}: {'; '.join(run.faults)}." for run in runs if run.faults]
    if emulated := of_kind(runs, "emulated"):
        warnings.append(f"Emulated ({_names(emulated)}): times are this computer's, not the DPU's.")
    if predicted := of_kind(runs, "predicted"):
        warnings.append(
            f"Predicted ({_names(predicted)}): computed by a latency model, not measured;"
            " never in the tables of measured times."
        )
    return warnings + _other_builds(runs, models) + _restless_machines(runs) + _dissent(models)


def _full(run: Run) -> str:
    return f"{shorten(run.name, _LONGEST)}, model {run.model}, {run.kind} {run.task}"


def _names(runs: Sequence[Run]) -> str:
    names = dict.fromkeys(shorten(plain(run.record["runner"]), _LONGEST) for run in runs)
    return join(list(names))


def _other_builds(runs: Sequence[Run], models: Sequence[ModelFolder]) -> list[str]:
    known: dict[str, set[str]] = {}
    for model in models:
        known.setdefault(model.name, set()).add(model.sha256)
    return [
        f"Another build: {_full(run)}, has sha256"
        f" {run.record['model']['sha256'][:16]}…, which is not the one whose accuracy is shown."
        for run in runs
        if run.record["model"]["sha256"]
        not in known.get(run.record["model"]["name"], {run.record["model"]["sha256"]})
    ]


def _restless_machines(runs: Sequence[Run]) -> list[str]:
    """Warn of a clock that may have been slow and of a machine that had other work."""
    warnings = []
    for run in runs:
        if run.kind == "predicted":
            continue
        governor = environment_text(run.record, "governor")
        if governor not in (None, "performance"):
            warnings.append(
                f"Clock: {_full(run)}, ran under the governor {governor};"
                " the times are steadier under performance."
            )
        load, cores = (run.record["environment"].get(key) for key in ("load_average", "cores"))
        if isinstance(load, (int, float)) and isinstance(cores, int) and load > cores > 0:
            warnings.append(
                f"Busy machine: {_full(run)}, ended at a load average of"
                f" {significant(load)} on {plural(cores, 'core')}; other work may have slowed it."
            )
    return warnings


def _dissent(models: Sequence[ModelFolder]) -> list[str]:
    warnings = []
    for model in models:
        stated, accuracy = model.manifest["accuracy"], model.accuracy
        if (
            stated
            and accuracy
            and (stated["n"] != accuracy.n or abs(stated["int8"] - accuracy.int8_share) > 5e-5)
        ):
            warnings.append(
                f"Model {plain(model.name)}: model.json says {percent(stated['int8'])} int8 on"
                f" {count(stated['n'])} images, metrics.json {percent(accuracy.int8_share)} on"
                f" {count(accuracy.n)}; the numbers here are those of metrics.json."
            )
    return warnings
