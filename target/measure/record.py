"""The run record: one JSON object of one schema for every measurement, whatever made it."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any, Dict, List, Optional

from target.errors import DataError
from target.measure.environment import describe_environment
from target.schema import find_fault, load_schema

SCHEMA_VERSION = 1
# For an estimate at 99 % confidence, as in MLPerf's early stopping.
MIN_SAMPLES = {"p90": 64, "p99": 662}


@dataclasses.dataclass
class RunFacts:
    """What a record is built from, besides the clock.

    Attributes:
        task: `stream` (frames through the application) or `bench` (one query after the other).
        kind: `measured` (this device did the work that is named), `emulated` (times are those of
            the computer that emulates) or `predicted`.
        runner: Name of the runner.
        device: What executed the network, in words.
        model_name: Of the manifest.
        model_sha256: Of the compiled model.
        frames: Frames counted in the stages.
        warmup: Frames run before that and not counted.
        threads: Of the runner; None where the library behind it decides.
        seconds: Wall-clock time of the counted frames.
        dropped: Frames that the source made and nobody processed.
        frame_age_ms: Age of the frames when their letters were known; None if the source has no clock.
        accuracy: Share of right letters where the truth is known.
        text: What was spelled, where the application spells.
        energy_mj: Of one frame, above rest.
        why: Further reasons not to trust the measurement.
        more: Further keys of the record: duration_s, overhead_us, distribution, agreement,
            throughput ...
    """

    task: str
    kind: str
    runner: str
    device: str
    model_name: str
    model_sha256: str
    frames: int
    warmup: int
    threads: Optional[int]
    seconds: float
    dropped: int = 0
    frame_age_ms: Optional[Dict[str, float]] = None
    accuracy: Optional[float] = None
    text: Optional[str] = None
    energy_mj: Optional[float] = None
    why: List[str] = dataclasses.field(default_factory=list)
    more: Dict[str, Any] = dataclasses.field(default_factory=dict)


def build_record(facts: RunFacts, stages: Dict[str, Dict[str, float]]) -> Dict[str, Any]:
    """Return the record, valid by target/schemas/record.schema.json.

    Args:
        facts: Of the run.
        stages: Summary of each stage, in milliseconds.
    """
    why = [*invalid_reasons(facts.frames), *facts.why]
    record: Dict[str, Any] = {
        "schema": SCHEMA_VERSION,
        "task": facts.task,
        "kind": facts.kind,
        "runner": facts.runner,
        "device": facts.device,
        "model": {"name": facts.model_name, "sha256": facts.model_sha256},
        "frames": facts.frames,
        "warmup": facts.warmup,
        "threads": facts.threads,
        "stages": stages,
        "throughput_fps": round(facts.frames / facts.seconds, 3) if facts.seconds > 0 else None,
        "dropped": facts.dropped,
        "frame_age_ms": facts.frame_age_ms,
        "energy_mj_per_frame": facts.energy_mj,
        "accuracy": facts.accuracy,
        "valid": not why,
        "why": why,
        "environment": describe_environment(),
        "created": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }
    if facts.text is not None:
        record["text"] = facts.text
    return {**record, **facts.more}


def invalid_reasons(frames: int) -> List[str]:
    """Return why a measurement of so many frames does not support its percentiles."""
    return [
        f"too few samples for {name}: {frames} of {least}"
        for name, least in MIN_SAMPLES.items()
        if frames < least
    ]


def read_records(document: Any, where: str) -> List[Dict[str, Any]]:
    """Return the records of a JSON document: one record, or {"records": [...]}.

    Raises:
        DataError: If one is not valid; the message says which key.
    """
    records = document.get("records", [document]) if isinstance(document, dict) else document
    if not isinstance(records, list):
        raise DataError(f"records must be a list, got {type(records).__name__} in {where}")
    schema = load_schema("record")
    for index, record in enumerate(records):
        fault = find_fault(record, schema)
        if fault:
            raise DataError(f"record {index}: {fault} in {where}")
    return records
