"""The tables of runs: latencies of one kind, the stage budget, streams, machines.

Must not import TensorFlow. A table of times holds runs of one kind only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from host.report.document import Cell, Column, Table, make_table
from host.report.runs import BUDGET, Run, environment_text
from host.report.wording import count, join, moment, percent, plain, ratio, significant

STATISTICS = ("p50", "p90", "p99", "mean")
_MARK = " †"
_MARKED = "† not valid; the warnings say why."
_NO_SENSOR = "no sensor"


def latency_table(runs: Sequence[Run]) -> Table:
    """Return the latencies of runs of one kind.

    Args:
        runs: Of one kind, in the order of the rows.
    """
    kinds = {run.kind for run in runs}
    assert len(kinds) == 1, kinds
    tasks = {run.task for run in runs}
    columns = [Column("runner"), Column("model")]
    columns += [Column("task"), Column("device")]
    columns += [Column(title, numeric=True) for title in ("threads", "frames")]
    for group in ("inference, ms", "end to end, ms"):
        columns += [Column(title, group, True) for title in STATISTICS]
    columns += [
        Column("frames/s", numeric=True),
        Column("ratio", numeric=True),
        Column("mJ/frame", numeric=True, missing=_NO_SENSOR),
    ]
    rows = [_latency_row(run, len(tasks) > 1) for run in runs]
    kind = next(iter(kinds))
    return make_table(f"Latency, {kind}", columns, rows, _latency_notes(runs))


def _latency_row(run: Run, show_task: bool) -> list[Cell]:
    record = run.record
    row: list[Cell] = [
        plain(record["runner"]) + (_MARK if run.faults else ""),
        run.model,
        run.task if show_task else None,
        run.place,
        "auto" if run.threads is None else count(run.threads),
        count(record["frames"]),
    ]
    row += [_number(run.inference(statistic), significant) for statistic in STATISTICS]
    row += [_number(run.stage("end_to_end", name), significant) for name in STATISTICS]
    row += [
        _number(record["throughput_fps"], significant),
        _number(run.ratio, ratio),
        _number(record["energy_mj_per_frame"], significant),
    ]
    return row


def _latency_notes(runs: Sequence[Run]) -> list[str]:
    notes = []
    if any(run.ratio is not None for run in runs):
        notes.append(
            "Inference: copying in, inferring, copying out. Ratio: its p90 divided by the smallest p90"
            " of the valid runs of this kind with the same model and task."
        )
    if {run.kind for run in runs} == {"emulated"}:
        notes.append("The times are this computer's, not the DPU's.")
    if all(run.record["energy_mj_per_frame"] is None for run in runs):
        notes.append(f"Energy per frame: {_NO_SENSOR}.")
    return notes + ([_MARKED] if any(run.faults for run in runs) else [])


def _number(value: float | None, written: Callable[[float], str]) -> Cell:
    return None if value is None else written(value)


def budget_table(runs: Sequence[Run]) -> Table:
    """Return the medians of the stages of runs of one kind and task, in milliseconds."""
    columns = [Column("runner"), Column("model")]
    stages = (*(stage.replace("_", " ") for stage in BUDGET), "end to end")
    columns += [Column(stage, "median, ms", True) for stage in stages]
    rows = [
        [
            run.name + (_MARK if run.faults else ""),
            run.model,
            *(_number(run.stage(stage, "p50"), significant) for stage in (*BUDGET, "end_to_end")),
        ]
        for run in runs
    ]
    notes = ["End to end has a median of its own, which need not be the sum of the others."]
    if runs[0].task == "stream":
        notes = [
            "End to end runs to the frame's letter: of a file from the moment its reading began, which"
            " contains capture; of a camera from the captured frame. It has a median of its own, which need"
            " not be the sum of the others."
        ]
    notes += [_MARKED] if any(run.faults for run in runs) else []
    what = "the application" if runs[0].task == "stream" else "the benchmark"
    return make_table(f"Stage budget of {what}, {runs[0].kind}", columns, rows, notes)


def stream_table(runs: Sequence[Run]) -> Table:
    """Return what stream runs of one kind did with their frames."""
    columns = [Column("runner"), Column("model")]
    columns += [Column(title, numeric=True) for title in ("frames", "dropped", "frames/s")]
    columns += [Column(title, "frame age, ms", True) for title in ("p50", "p99")]
    columns += [Column(title, "glass to glass, ms", True) for title in ("p50", "p99")]
    columns += [Column("right letters", numeric=True), Column("text spelled")]
    rows = [_stream_row(run) for run in runs]
    notes = [
        "Frame age: from the capture of a frame to the moment its letter was known; glass to glass: to the"
        " moment it was shown by the first output."
    ]
    if all(run.record["frame_age_ms"] is None for run in runs):
        notes = ["Frame age: not known, the source of the frames has no clock."]
    notes += [_MARKED] if any(run.faults for run in runs) else []
    return make_table(f"Stream runs, {runs[0].kind}", columns, rows, notes)


def _stream_row(run: Run) -> list[Cell]:
    record = run.record
    offered = record["frames"] + record["dropped"]
    lost = (
        f"{count(record['dropped'])} ({percent(record['dropped'] / offered)})" if offered else "0"
    )
    age, glass = record["frame_age_ms"], record.get("glass_to_glass_ms")
    return [
        run.name + (_MARK if run.faults else ""),
        run.model,
        count(record["frames"]),
        lost,
        _number(record["throughput_fps"], significant),
        significant(age["p50"]) if age else None,
        significant(age["p99"]) if age else None,
        significant(glass["p50"]) if glass else None,
        significant(glass["p99"]) if glass else None,
        _number(record["accuracy"], percent),
        (plain(record["text"]) or "(nothing)") if "text" in record else None,
    ]


def record_table(runs: Sequence[Run]) -> Table:
    """Return what each record is of: its model's sha256, warm-up and date."""
    columns = [Column("runner"), Column("kind"), Column("task"), Column("model")]
    columns += [Column("sha256 of the model"), Column("warm-up", numeric=True), Column("date")]
    rows = [
        [
            plain(run.record["runner"]),
            run.kind,
            run.task,
            plain(run.record["model"]["name"]),
            f"{run.record['model']['sha256'][:16]}…",
            count(run.record["warmup"]),
            moment(run.record["created"]),
        ]
        for run in runs
    ]
    return make_table("Records", columns, rows)


_FACTS = {
    "machine": "machine",
    "cpu": "processor",
    "cores": "cores",
    "memory_mb": "memory, MiB",
    "system": "system",
    "python": "Python",
    "governor": "clock governor",
}


def machine_table(runs: Sequence[Run]) -> Table:
    """Return the machines the records come from, one per column, facts and versions as rows."""
    machines: dict[tuple[tuple[str, str], ...], list[Run]] = {}
    for run in runs:
        machines.setdefault(tuple(sorted(_facts(run).items())), []).append(run)
    facts = [dict(machine) for machine in machines]
    packages = sorted({name for machine in facts for name in machine} - set(_FACTS.values()))
    columns = [Column("fact")]
    columns += [Column(f"machine {number}") for number in range(1, len(facts) + 1)]
    rows: list[list[Cell]] = [
        [name, *(machine.get(name, "unknown") for machine in facts)] for name in _FACTS.values()
    ]
    rows += [[name, *(machine.get(name, "–") for machine in facts)] for name in packages]
    rows.append(["load average", *(_loads(group) for group in machines.values())])
    rows.append(["runners", *(_runners(group) for group in machines.values())])
    rows.append(["records from", *(_dates(group) for group in machines.values())])
    return make_table("Machines and versions", columns, rows)


def _facts(run: Run) -> dict[str, str]:
    known = {title: environment_text(run.record, key) for key, title in _FACTS.items()}
    facts = {title: value for title, value in known.items() if value}
    versions = run.record["environment"].get("versions")
    if isinstance(versions, dict):
        facts |= {plain(name): plain(version) for name, version in versions.items()}
    return facts


def _loads(runs: Sequence[Run]) -> str:
    loads = [run.record["environment"].get("load_average") for run in runs]
    known = sorted(load for load in loads if isinstance(load, (int, float)))
    if not known:
        return "unknown"
    return f"{known[0]:.2f}" if known[0] == known[-1] else f"{known[0]:.2f} to {known[-1]:.2f}"


def _runners(runs: Sequence[Run]) -> str:
    return join(sorted({plain(run.record["runner"]) for run in runs}))


def _dates(runs: Sequence[Run]) -> str:
    dates = sorted(moment(run.record["created"]) for run in runs)
    return dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
