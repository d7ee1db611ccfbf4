from __future__ import annotations

import dataclasses
import datetime
import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from target.errors import DataError
from target.measure.clock import StageClock
from target.measure.percentiles import summarize_ms
from target.measure.record import RunFacts, build_record, invalid_reasons, read_records
from target.schema import load_schema
from tests.target import documents

FACTS = RunFacts(
    task="bench",
    kind="emulated",
    runner="emulator",
    device="a computer",
    model_name="signnet",
    model_sha256="a" * 64,
    frames=1000,
    warmup=50,
    threads=2,
    seconds=2.0,
)


def _clock() -> StageClock:
    clock = StageClock()
    for _ in range(3):
        clock.add("infer", 0.002)
    return clock


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"text": "HELLO", "accuracy": 0.5, "dropped": 3, "frame_age_ms": summarize_ms([0.1, 0.2])},
        {"seconds": 0.0, "frames": 0},
        {"task": "stream", "kind": "measured"},
        {"threads": None},
    ],
    ids=["bench", "full", "empty", "stream", "threads-unknown"],
)
def test_record_is_valid_json_by_the_schema(changes: dict[str, Any]) -> None:
    record = build_record(dataclasses.replace(FACTS, **changes), _clock().summaries())
    Draft202012Validator(load_schema("record")).validate(record)
    assert read_records(json.loads(json.dumps(record)), "x") == [record]


def test_record_holds_the_facts() -> None:
    facts = dataclasses.replace(FACTS, frame_age_ms=summarize_ms([0.1, 0.3]), accuracy=0.25)
    record = build_record(facts, _clock().summaries())
    assert record["schema"] == 1
    assert record["throughput_fps"] == 500.0
    assert record["model"] == {"name": "signnet", "sha256": "a" * 64}
    assert record["stages"]["infer"]["p50"] == 2.0
    assert record["frame_age_ms"]["mean"] == 200.0
    assert (record["kind"], record["threads"], record["accuracy"]) == ("emulated", 2, 0.25)
    assert record["energy_mj_per_frame"] is None
    assert "text" not in record
    assert datetime.datetime.fromisoformat(record["created"]).tzinfo is not None


@pytest.mark.parametrize(
    ("frames", "why"),
    [
        (63, ["too few samples for p90: 63 of 64", "too few samples for p99: 63 of 662"]),
        (64, ["too few samples for p99: 64 of 662"]),
        (661, ["too few samples for p99: 661 of 662"]),
        (662, []),
    ],
)
def test_record_says_whether_its_percentiles_hold(frames: int, why: list[str]) -> None:
    assert invalid_reasons(frames) == why
    record = build_record(dataclasses.replace(FACTS, frames=frames), _clock().summaries())
    assert (record["valid"], record["why"]) == (not why, why)


def test_read_records_takes_one_or_several() -> None:
    record = documents.record()
    assert read_records(record, "x") == [record]
    assert read_records({"records": [record, record]}, "x") == [record, record]
    assert read_records([record], "x") == [record]
    assert read_records({"records": []}, "x") == []


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("text", "records must be a list, got str in a.json"),
        ({"records": 5}, "records must be a list, got int in a.json"),
        ([{}], "record 0: document must have a 'schema', got .* in a.json"),
        (
            [documents.record(), {**documents.record(), "kind": "guessed"}],
            r"record 1: kind must be one of .*, got \"guessed\" in a.json",
        ),
    ],
    ids=["text", "no-list", "empty", "kind"],
)
def test_read_records_refuses(document: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_records(document, "a.json")
