from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from host.__main__ import main
from host.report.compare import compare_records, describe_changes, regressions
from tests.host.report import samples


def _record(p90: float = 1.0, fps: float = 100.0, **facts: Any) -> dict[str, Any]:
    record = samples.record(accuracy=facts.pop("accuracy", 0.95), **facts)
    record["stages"]["infer"]["p90"] = p90
    record["throughput_fps"] = fps
    return record


def _verdicts(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> dict[str, str]:
    return {change.quantity: change.verdict for change in compare_records(old, new)}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"accuracy": "same", "p90_ms": "same", "fps": "same"}),
        ({"p90": 1.09}, {"accuracy": "same", "p90_ms": "same", "fps": "same"}),
        ({"p90": 1.2}, {"accuracy": "same", "p90_ms": "regression", "fps": "same"}),
        ({"p90": 0.8}, {"accuracy": "same", "p90_ms": "improvement", "fps": "same"}),
        ({"fps": 80.0}, {"accuracy": "same", "p90_ms": "same", "fps": "regression"}),
        ({"fps": 120.0}, {"accuracy": "same", "p90_ms": "same", "fps": "improvement"}),
        ({"accuracy": 0.9}, {"accuracy": "regression", "p90_ms": "same", "fps": "same"}),
        ({"accuracy": 0.97}, {"accuracy": "improvement", "p90_ms": "same", "fps": "same"}),
    ],
    ids=["same", "within", "slower", "faster", "less", "more", "wrong", "right"],
)
def test_changes_are_judged(changes: dict[str, Any], expected: dict[str, str]) -> None:
    assert _verdicts([_record()], [_record(**changes)]) == expected


def test_a_run_that_is_no_longer_valid_is_a_regression_and_its_times_count_for_nothing() -> None:
    new = _record(p90=9.0, valid=False, why=["throttled: a processor was slowed down 3 times"])
    changes = compare_records([_record()], [new])
    assert [(c.quantity, c.verdict) for c in changes if c.verdict != "same"] == [
        ("valid", "regression"),
        ("p90_ms", "not comparable"),
        ("fps", "not comparable"),
    ]
    assert regressions(changes)[0].why == "throttled: a processor was slowed down 3 times"


def test_another_processor_is_not_compared() -> None:
    other = _record(p90=3.0)
    other["environment"] = {**other["environment"], "cpu": "another one"}
    found = {c.quantity: c for c in compare_records([_record()], [other])}
    assert found["p90_ms"].verdict == "not comparable"
    assert found["p90_ms"].why.endswith("and another one")


def test_runs_that_only_one_side_has_are_named() -> None:
    changes = compare_records(
        [_record(), _record(runner="old")], [_record(), _record(runner="new")]
    )
    assert {(c.run, c.why) for c in changes if c.quantity == "run"} == {
        ("signnet, old, measured bench, threads 1", "only in the old records"),
        ("signnet, new, measured bench, threads 1", "only in the new records"),
    }


def test_the_newest_of_several_runs_counts() -> None:
    first = _record(p90=5.0, created="2025-01-01T00:00:00+00:00")
    second = _record(p90=1.0, created="2025-01-02T00:00:00+00:00")
    assert _verdicts([_record()], [second, first])["p90_ms"] == "same"


def test_tolerance_decides() -> None:
    changes = compare_records([_record()], [_record(p90=1.2)], tolerance=0.25)
    assert not regressions(changes)


def test_changes_read_as_sentences() -> None:
    text = describe_changes(compare_records([_record()], [_record(p90=1.25)]))
    assert text.splitlines() == [
        "REGRESSION     signnet, litert-int8, measured bench, threads 1: p90, ms 1.00 -> 1.25 (+25%)",
        "1 regressions, 2 of 3 quantities the same",
    ]


@pytest.mark.parametrize(("strict", "code"), [([], 0), (["--strict"], 1)], ids=["tell", "strict"])
def test_command_flags_regressions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], strict: list[str], code: int
) -> None:
    old = samples.write_json(tmp_path / "old.json", _record())
    new = samples.write_json(tmp_path / "new.json", {"records": [_record(p90=2.0)]})
    assert main(["report", "--json", "--compare", str(old), str(new), *strict]) == code
    found = json.loads(capsys.readouterr().out)
    assert found["regressions"] == 1
    assert found["changes"][0]["quantity"] == "p90_ms"


@pytest.mark.parametrize(
    "options", [[], ["a.json", "--compare", "b.json", "c.json"]], ids=["neither", "both"]
)
def test_command_takes_records_or_a_comparison(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["report", *options])
    assert caught.value.code == 2
    assert "give either RECORDS or --compare OLD NEW" in capsys.readouterr().err


def test_command_says_which_file_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = samples.write_json(tmp_path / "old.json", _record())
    assert main(["report", "--compare", str(path), str(tmp_path / "none.json")]) == 1
    assert "none.json" in capsys.readouterr().err
