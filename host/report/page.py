"""The sections of a report in their order. Must not import TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from host.report import model_tables, plots, tables
from host.report.document import Block, Bullets, Code, Document, Heading, Paragraph, Section
from host.report.merge import Report
from host.report.models import ModelFolder
from host.report.runs import KINDS, Run, build_runs, of_kind
from host.report.summary import find_warnings, summarize
from host.report.wording import moment, plain, plural

COMMANDS = (
    "make demo      # everything: train, quantize, compile, stream, baselines, this report",
    "make bench     # the latencies of this machine",
    "make report    # this page from the records and models that are there",
)


def build_document(report: Report) -> Document:
    """Return the report as sections of text, tables and plots."""
    runs = build_runs(report.records)
    streams = [run for run in runs if run.task == "stream"]
    sections = (
        _summary(runs, report.models),
        _warnings(runs, report.models),
        _latency(runs, report.models),
        _budget(streams),
        _distribution(runs),
        _streams(streams),
        _accuracy(report.models),
        _environment(runs, report.models),
    )
    subtitle = (
        f"{plural(len(report.records), 'run record')}, {plural(len(report.models), 'model')};"
        f" made {moment(report.created)}"
    )
    return Document(plain(report.title), subtitle, sections)


def _summary(runs: Sequence[Run], models: Sequence[ModelFolder]) -> Section:
    sentences = summarize(runs, models)
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


def _latency(runs: Sequence[Run], models: Sequence[ModelFolder]) -> Section:
    intro = Paragraph(
        "One query at a time: the next one starts when the last one is done. The headline is the"
        " 90th percentile (p90): nine of ten queries took at most that long."
    )
    blocks = _by_kind(runs, lambda group: [tables.latency_table(group)] if group else [])
    predictions = [table for table in map(model_tables.prediction_table, models) if table]
    if predictions and not of_kind(runs, "predicted"):
        blocks.append(Heading("Predicted"))
    return Section("latency", "Latency", (intro, *blocks, *predictions))


def _budget(streams: Sequence[Run]) -> Section:
    blocks = _by_kind(
        streams,
        lambda group: [plots.budget_plot(group), tables.budget_table(group)] if group else [],
    )
    return Section("budget", "Stage budget", tuple(blocks) or (_no_stream(),))


def _distribution(runs: Sequence[Run]) -> Section:
    drawn = [plots.latency_plot(of_kind(runs, kind)) for kind in KINDS]
    blocks = [plot for plot in drawn if plot]
    none = Paragraph("No record has an infer stage.")
    return Section("distribution", "Latency distribution", tuple(blocks) or (none,))


def _streams(streams: Sequence[Run]) -> Section:
    blocks = _by_kind(streams, lambda group: [tables.stream_table(group)] if group else [])
    return Section("streams", "Stream runs", tuple(blocks) or (_no_stream(),))


def _no_stream() -> Paragraph:
    return Paragraph("No record is of the application's stream; make simulate makes one.")


def _accuracy(models: Sequence[ModelFolder]) -> Section:
    if not models:
        none = Paragraph("No model folder was given; --models build/models/signnet adds one.")
        return Section("accuracy", "Accuracy", (none,))
    blocks: list[Block] = [model_tables.accuracy_table(models)]
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


def _environment(runs: Sequence[Run], models: Sequence[ModelFolder]) -> Section:
    blocks: list[Block] = [tables.machine_table(runs), tables.record_table(runs)]
    if models:
        blocks.append(model_tables.model_table(models))
    blocks += [Paragraph("The commands that make such a report:"), Code(COMMANDS)]
    return Section("environment", "Environment and reproducibility", tuple(blocks))
