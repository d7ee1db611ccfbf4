"""Old records against new ones: what became slower, less accurate or worthless. Must not import TensorFlow.

Runs are paired by model, runner, task, kind, threads and device. Times are compared only between
valid runs of the same processor.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from host.report.runs import Run, build_runs, environment_text
from host.report.wording import join, percent, plain, significant

TOLERANCE = 0.10
_ACCURACY = 0.001  # one image in a thousand
_WORSE, _BETTER, _SAME, _UNKNOWN = "regression", "improvement", "same", "not comparable"


@dataclasses.dataclass(frozen=True)
class Change:
    """One quantity of one pair of runs.

    Attributes:
        run: Model, runner and what tells it from others, in words.
        quantity: `p90_ms`, `fps`, `accuracy`, `valid` or `run`.
        old: Before; None if there is none.
        new: After.
        verdict: `regression`, `improvement`, `same` or `not comparable`.
        why: Of what is not comparable.
    """

    run: str
    quantity: str
    old: float | None
    new: float | None
    verdict: str
    why: str = ""


def compare_records(
    old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]], tolerance: float = TOLERANCE
) -> list[Change]:
    """Return every change between two sets of records, regressions first.

    Args:
        old: Valid by target/schemas/record.schema.json.
        new: The same.
        tolerance: Times may differ by such a share and count as the same.
    """
    before, after = _by_key(old), _by_key(new)
    changes: list[Change] = []
    for key, run in before.items():
        if key in after:
            changes += _compare(_text(key), run, after[key], tolerance)
        else:
            changes.append(Change(_text(key), "run", 1, 0, _UNKNOWN, "only in the old records"))
    for key in after:
        if key not in before:
            changes.append(Change(_text(key), "run", 0, 1, _UNKNOWN, "only in the new records"))
    order = (_WORSE, _UNKNOWN, _BETTER, _SAME)
    return sorted(changes, key=lambda change: order.index(change.verdict))


_Key = tuple[str, str, str, str, str, str]


def _by_key(records: Sequence[dict[str, Any]]) -> dict[_Key, Run]:
    """Return the newest run of each key."""
    found: dict[_Key, Run] = {}
    for run in sorted(build_runs(records), key=lambda run: str(run.record["created"])):
        record = run.record
        key = (
            plain(record["model"]["name"]),
            plain(record["runner"]),
            run.task,
            run.kind,
            str(run.threads),
            plain(record["device"]),
        )
        found[key] = run
    return found


def _text(key: _Key) -> str:
    model, runner, task, kind, threads, _ = key
    return (
        f"{model}, {runner}, {kind} {task}, threads {'automatic' if threads == 'None' else threads}"
    )


def _compare(name: str, old: Run, new: Run, tolerance: float) -> list[Change]:
    changes = [_compare_accuracy(name, old, new), _compare_validity(name, old, new)]
    why = _why_not(old, new)
    for quantity, rising, was, now in (
        ("p90_ms", False, old.p90_ms, new.p90_ms),
        ("fps", True, old.record["throughput_fps"], new.record["throughput_fps"]),
    ):
        if was is None or now is None or was <= 0:
            continue
        verdict = _UNKNOWN if why else _judge(now / was, rising, tolerance)
        changes.append(Change(name, quantity, was, now, verdict, why))
    return [change for change in changes if change is not None]


def _why_not(old: Run, new: Run) -> str:
    processors = [environment_text(run.record, "cpu") for run in (old, new)]
    if processors[0] != processors[1]:
        return f"another processor: {processors[0]} and {processors[1]}"
    invalid = [word for word, run in (("old", old), ("new", new)) if run.faults]
    return f"{join(invalid)} run not valid" if invalid else ""


def _judge(share: float, rising: bool, tolerance: float) -> str:
    """Judge new over old; `rising` is better for frames a second, worse for times."""
    if abs(share - 1) <= tolerance:
        return _SAME
    return _BETTER if (share > 1) == rising else _WORSE


def _compare_accuracy(name: str, old: Run, new: Run) -> Change | None:
    was, now = old.record["accuracy"], new.record["accuracy"]
    if was is None or now is None:
        return None
    if abs(now - was) < _ACCURACY:
        return Change(name, "accuracy", was, now, _SAME)
    return Change(name, "accuracy", was, now, _BETTER if now > was else _WORSE)


def _compare_validity(name: str, old: Run, new: Run) -> Change | None:
    if new.faults and not old.faults:
        return Change(name, "valid", 1, 0, _WORSE, "; ".join(new.faults))
    return None


def regressions(changes: Sequence[Change]) -> list[Change]:
    """Return what became worse."""
    return [change for change in changes if change.verdict == _WORSE]


def describe_changes(changes: Sequence[Change]) -> str:
    """Return the changes as lines for a person; what stayed the same is only counted."""
    lines = [_line(change) for change in changes if change.verdict != _SAME]
    same = sum(change.verdict == _SAME for change in changes)
    worse = len(regressions(changes))
    lines.append(f"{worse} regressions, {same} of {len(changes)} quantities the same")
    return "\n".join(lines)


def _line(change: Change) -> str:
    head = f"{change.verdict.upper():14} {change.run}: "
    if change.quantity in ("run", "valid"):
        return head + (change.why or "")
    written = percent if change.quantity == "accuracy" else significant
    old, new = (written(value or 0.0) for value in (change.old, change.new))
    unit = {"p90_ms": "p90, ms", "fps": "frames/s", "accuracy": "accuracy"}[change.quantity]
    ratio = f" ({(change.new or 0.0) / change.old - 1:+.0%})" if change.old else ""
    return f"{head}{unit} {old} -> {new}{ratio}" + (f", {change.why}" if change.why else "")
