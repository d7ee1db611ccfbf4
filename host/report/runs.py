"""Run records as the report compares them: named apart, judged, and never across kinds.

Must not import TensorFlow. Source: target/schemas/record.schema.json.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from host.report.wording import moment, plain, threads_text
from target.measure.clock import INFERENCE, STAGES
from target.measure.record import invalid_reasons

KINDS = ("measured", "emulated", "predicted")
BUDGET = STAGES
NULL = "null"  # the runner that does nothing: its record is the benchmark's own overhead


@dataclasses.dataclass(frozen=True)
class Run:
    """One record and how the report speaks of it.

    Attributes:
        record: Valid by target/schemas/record.schema.json.
        model: Name of the model, with the start of its sha256 if two builds share the name.
        name: The runner, and whatever tells this run from others of its kind, model and task.
        place: The device, with the processor if the records come from several.
        faults: Why its percentiles must not be quoted; empty if they may.
        ratio: p90 of the inference divided by the smallest of the valid runs of the same kind,
            model and task; None if either is missing.
    """

    record: dict[str, Any]
    model: str
    name: str
    place: str
    faults: tuple[str, ...]
    ratio: float | None = None

    @property
    def kind(self) -> str:
        """`measured`, `emulated` or `predicted`."""
        return str(self.record["kind"])

    @property
    def task(self) -> str:
        """`bench` (one query after the other) or `stream` (frames through the application)."""
        return _task(self.record)

    @property
    def threads(self) -> int | None:
        """Of the runner."""
        threads = self.record["threads"]
        return None if threads is None else int(threads)

    @property
    def p90_ms(self) -> float | None:
        """90th percentile of the inference."""
        return self.inference("p90")

    @property
    def device_class(self) -> str:
        """`DPU`, `GPU` or `CPU`: what did the work."""
        device = str(self.record["device"])
        return next((name for name in ("DPU", "GPU") if device.startswith(name)), "CPU")

    def inference(self, statistic: str) -> float | None:
        """Return a statistic of copying in, inferring and copying out, in milliseconds.

        Records that do not tell these apart have it as stage `infer`.
        """
        found = self.stage(INFERENCE, statistic)
        return self.stage("infer", statistic) if found is None else found

    def stage(self, stage: str, statistic: str) -> float | None:
        """Return a statistic of a stage in milliseconds, None if the record has no such stage."""
        summary = self.record["stages"].get(stage)
        return float(summary[statistic]) if summary else None


def build_runs(records: Sequence[dict[str, Any]]) -> list[Run]:
    """Return the runs in the order of the tables: kind, model, task, p90 of infer."""
    models = _model_names(records)
    several = len({environment_text(record, "cpu") for record in records}) > 1
    runs = [
        Run(
            record,
            models[record["model"]["name"], record["model"]["sha256"]],
            plain(record["runner"]),
            _place(record, several),
            find_faults(record),
        )
        for record in records
    ]
    return sorted(_compare(_tell_apart(runs)), key=_order)


def find_faults(record: dict[str, Any]) -> tuple[str, ...]:
    """Return why a record does not support its percentiles.

    A prediction has no samples to count; of the others the number of frames is checked again,
    because the record may come from a program with other rules.
    """
    stated = [plain(reason) for reason in record["why"]]
    if not record["valid"]:
        return tuple(stated) or ("the record gives no reason",)
    if record["kind"] == "predicted":
        return ()
    return tuple(invalid_reasons(int(record["frames"])))


def environment_text(record: dict[str, Any], key: str) -> str | None:
    """Return a value of the record's environment as text, None if it is unknown."""
    value = record["environment"].get(key)
    return None if value is None or isinstance(value, (dict, list)) else plain(value)


def groups_of(runs: Sequence[Run]) -> list[list[Run]]:
    """Return the runs that may be compared with each other: same kind, model and task."""
    groups: dict[tuple[str, str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.kind, run.model, run.task), []).append(run)
    return list(groups.values())


def of_kind(runs: Sequence[Run], kind: str) -> list[Run]:
    """Return the runs of one kind."""
    return [run for run in runs if run.kind == kind]


def _task(record: dict[str, Any]) -> str:
    return str(record.get("task") or ("stream" if "capture" in record["stages"] else "bench"))


def _model_names(records: Sequence[dict[str, Any]]) -> dict[tuple[str, str], str]:
    keys = {(record["model"]["name"], record["model"]["sha256"]) for record in records}
    uses = collections.Counter(name for name, _ in keys)
    return {
        (name, sha256): plain(name) if uses[name] == 1 else f"{plain(name)} ({sha256[:8]})"
        for name, sha256 in keys
    }


def _place(record: dict[str, Any], several: bool) -> str:
    device, cpu = plain(record["device"]), environment_text(record, "cpu")
    several = several and record["kind"] != "predicted"  # nothing ran on that processor
    return f"{device} ({cpu})" if several and cpu and cpu not in device else device


_PARTS: tuple[Callable[[Run], str], ...] = (
    lambda run: threads_text(run.threads),
    lambda run: run.place,
    lambda run: moment(run.record["created"]),
)


def _tell_apart(runs: Sequence[Run]) -> list[Run]:
    """Add to the names of runs that may be compared and share one what differs between them."""
    named = list(runs)
    for part in _PARTS:
        alike: dict[tuple[str, ...], set[str]] = {}
        for run in named:
            alike.setdefault(_full_name(run), set()).add(part(run))
        named = [
            dataclasses.replace(run, name=f"{run.name}, {part(run)}")
            if len(alike[_full_name(run)]) > 1
            else run
            for run in named
        ]
    return named


def _full_name(run: Run) -> tuple[str, ...]:
    return (run.kind, run.model, run.task, run.name)


def _compare(runs: Sequence[Run]) -> list[Run]:
    compared = []
    for group in groups_of(runs):
        valid = [run.p90_ms for run in group if run.p90_ms is not None and not run.faults]
        least = min(valid, default=0.0)
        for run in group:
            known = run.p90_ms is not None and least > 0
            value = (run.p90_ms or 0.0) / least if known else None
            compared.append(dataclasses.replace(run, ratio=value))
    return compared


def _order(run: Run) -> tuple[int, str, str, bool, float]:
    p90 = run.p90_ms
    return (KINDS.index(run.kind), run.model, run.task, p90 is None, p90 or 0.0)
