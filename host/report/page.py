"""The sections of a report in their order. Must not import TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from host.report import comparison, model_tables, plots, tables
from host.report.agreement import agreement_table, disagreements
from host.report.distributions import distribution_plots
from host.report.document import Block, Bullets, Code, Document, Heading, Paragraph, Section
from host.report.merge import Report
from host.report.models import ModelFolder
from host.report.runs import KINDS, NULL, Run, build_runs, of_kind
from host.report.summary import find_warnings, summarize
from host.report.throughput import energy_table, throughput_plot, throughput_table
from host.report.wording import moment, plain, plural, significant

COMMANDS = (
    "make demo      # everything: train, quantize, compile, stream, baselines, this report",
    "make bench     # the latencies of this machine",
    "make report    # this page from the records and models that are there",
)


def build_document(report: Report) -> Document:
    """Return the report as sections of text, tables and plots."""
    every = build_runs([record for record in report.records if record["runner"] != NULL])
    nulls = [record for record in report.records if record["runner"] == NULL]
    streams = [run for run in every if run.task == "stream"]
    sections = (
        _summary(every, report.models),
        _warnings(every, report.models),
        _networks(every, report.models),
        _latency(every, nulls),
        _comparison(every, report.models),
        _distribution(every),
        _budget(every),
        _throughput(every),
        _energy(every),
        _streams(streams),
        _accuracy(every, report.models),
        _environment(every, report.models),
    )
    overhead = f" ({len(nulls)} of the benchmark's own overhead)" if nulls else ""
    subtitle = (
        f"{plural(len(report.records), 'run record')}{overhead}, {plural(len(report.models), 'model')};"
        f" made {moment(report.created)}"
    )
    return Document(
        plain(report.title), subtitle, tuple(section for section in sections if section.blocks)
    )


def _summary(runs: Sequence[Run], models: Sequence[ModelFolder]) -> Section:
    sentences = summarize(runs, models) or ["No run of a network and no model is in this report."]
    return Section("summary", "Summary", tuple(Paragraph(sentence) for sentence in sentences))


def _warnings(runs: Sequence[Run], models: Sequence[ModelFolder]) -> Section:
    warnings = find_warnings(runs, models)
    block: Block = Bullets(tuple(warnings)) if warnings else Paragraph("There are none.")
    return Section("warnings", "Warnings", (block,))


def _by_kind(
    runs: Sequence[Run], blocks_of: Callable[[list[Run]], Sequence[Block | None]]
) -> list[Block]:
    """Return the blocks of each kind under a heading of its own; kinds are never mixed."""
    blocks: list[Block] = []
    for kind in KINDS:
        found = [block for block in blocks_of(of_kind(runs, kind)) if block]
        if found:
            blocks += [Heading(kind.capitalize()), *found]
    return blocks


def _networks(runs: Sequence[Run], models: Sequence[ModelFolder]) -> Section:
    table = comparison.network_table(models, runs)
    return Section("networks", "Networks", (table,) if table else ())


def _latency(runs: Sequence[Run], nulls: Sequence[dict[str, Any]]) -> Section:
    intro = Paragraph(
        "One query at a time: the next one starts when the last one is done. The headline is the"
        " 90th percentile (p90): nine of ten queries took at most that long."
    )
    blocks = _by_kind(
        runs,
        lambda group: [tables.latency_table(group), plots.latency_plot(group)] if group else [],
    )
    return Section("latency", "Latency", (intro, *blocks, *_overhead(nulls)))


def _overhead(nulls: Sequence[dict[str, Any]]) -> list[Block]:
    """Say what the benchmark itself costs, from records of the runner that does nothing."""
    known = [float(record["overhead_us"]) for record in nulls if "overhead_us" in record]
    whole = [float(r["stages"]["inference"]["p90"]) for r in nulls if "inference" in r["stages"]]
    if not known or not whole:
        return []
    return [
        Paragraph(
            "The benchmark's own overhead, measured with a runner that does nothing:"
            f" {significant(max(known))} microseconds a query outside the stages, and"
            f" {significant(max(whole) * 1000)} microseconds (p90) inside the inference."
        )
    ]


def _comparison(runs: Sequence[Run], models: Sequence[ModelFolder]) -> Section:
    found = (comparison.comparison_table(runs), comparison.prediction_table(models, runs))
    return Section("comparison", "Comparison", tuple(table for table in found if table))


def _budget(runs: Sequence[Run]) -> Section:
    def blocks_of(group: list[Run]) -> Sequence[Block | None]:
        parts = [[run for run in group if run.task == task] for task in ("stream", "bench")]
        pairs = [(plots.budget_plot(part), tables.budget_table(part)) for part in parts if part]
        return [block for pair in pairs for block in pair]

    return Section("budget", "Stage budget", tuple(_by_kind(runs, blocks_of)))


def _distribution(runs: Sequence[Run]) -> Section:
    def blocks_of(group: list[Run]) -> Sequence[Block | None]:
        models = dict.fromkeys(run.model for run in group)
        found = [distribution_plots([run for run in group if run.model == m]) for m in models]
        return [plot for plots_of_model in found for plot in plots_of_model]

    blocks = _by_kind(runs, blocks_of)
    none = Paragraph(
        "No record keeps the distribution of its latencies; make bench makes such records."
    )
    return Section("distribution", "Latency distribution", tuple(blocks) or (none,))


def _throughput(runs: Sequence[Run]) -> Section:
    blocks = _by_kind(runs, lambda group: [throughput_plot(group), throughput_table(group)])
    none = Paragraph(
        "No record has throughput with several threads; make bench makes such records."
    )
    return Section("throughput", "Throughput", tuple(blocks) or (none,))


def _energy(runs: Sequence[Run]) -> Section:
    blocks = _by_kind(runs, lambda group: [energy_table(group)])
    none = Paragraph(
        "No record has energy: there was no sensor that could be read (INA226 or PMBus through hwmon,"
        " RAPL, NVML)."
    )
    return Section("energy", "Energy", tuple(blocks) or (none,))


def _streams(streams: Sequence[Run]) -> Section:
    blocks = _by_kind(streams, lambda group: [tables.stream_table(group)] if group else [])
    return Section("streams", "Stream runs", tuple(blocks) or (_no_stream(),))


def _no_stream() -> Paragraph:
    return Paragraph("No record is of the application's stream; make simulate makes one.")


def _accuracy(runs: Sequence[Run], models: Sequence[ModelFolder]) -> Section:
    blocks: list[Block] = [_model_accuracy(models)]
    answers = agreement_table(runs)
    if answers:
        blocks.append(answers)
    blocks += disagreements(runs)
    for index, model in enumerate(models):
        found = (
            model_tables.letters_block(model),
            model_tables.confusion_table(model),
            plots.confusion_plot(model, f"confusion-{index}"),
            plots.curves_plot(model, f"curves-{index}"),
        )
        if any(found):
            blocks.append(Heading(plain(model.name)))
            blocks += [block for block in found if block]
    return Section("accuracy", "Accuracy", tuple(blocks))


def _model_accuracy(models: Sequence[ModelFolder]) -> Block:
    if models:
        return model_tables.accuracy_table(models)
    return Paragraph("No model folder was given; --models build/models/signnet adds one.")


def _environment(runs: Sequence[Run], models: Sequence[ModelFolder]) -> Section:
    blocks: list[Block] = [tables.machine_table(runs), tables.record_table(runs)]
    if models:
        blocks.append(model_tables.model_table(models))
    blocks += [Paragraph("The commands that make such a report:"), Code(COMMANDS)]
    return Section("environment", "Environment and reproducibility", tuple(blocks))
