"""What the report says: kinds apart, faults named, columns that nobody fills left out."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from host.report.document import Code, Plot
from host.report.models import read_model
from host.report.runs import build_runs
from host.report.summary import find_warnings, summarize
from host.report.tables import latency_table
from tests.host.report import samples
from tests.host.report.reading import (
    cells_of,
    columns_of,
    document_of,
    section_of,
    tables_of,
    texts_of,
)


def test_sections_stand_in_the_order_a_reader_needs() -> None:
    names = [section.name for section in document_of(samples.bench_records()).sections]
    assert names == [
        "summary",
        "warnings",
        "latency",
        "comparison",
        "distribution",
        "budget",
        "throughput",
        "energy",
        "streams",
        "accuracy",
        "environment",
    ]


@pytest.mark.parametrize(
    "kinds", list(itertools.permutations(("measured", "emulated", "predicted")))
)
def test_kinds_never_share_a_table_or_a_plot(kinds: tuple[str, ...]) -> None:
    records = [
        samples.record(f"{kind}-{task}", kind, task=task)
        for kind in kinds
        for task in ("bench", "stream")
    ]
    document = document_of(records)
    for name in ("latency", "budget", "streams"):
        tables = tables_of(document, name)
        assert len(tables) == (6 if name == "budget" else 3)  # a budget for either task
        found = []
        for table in tables:
            (kind,) = [kind for kind in kinds if kind in table.caption]
            assert all(row[0].startswith(kind) for row in table.rows)
            found.append(kind)
        assert list(dict.fromkeys(found)) == ["measured", "emulated", "predicted"]
    plots = [block for section in document.sections for block in section.blocks]
    for plot in (block for block in plots if isinstance(block, Plot)):
        shown = [kind for kind in kinds if kind in plot.svg]
        assert len(shown) == 1
        assert shown[0] in plot.alt
        assert shown[0] in plot.caption


def test_latency_table_of_two_kinds_is_a_defect() -> None:
    runs = build_runs([samples.record(), samples.record(kind="emulated")])
    with pytest.raises(AssertionError):
        latency_table(runs)


def test_latency_table_has_the_numbers_of_the_record() -> None:
    record = samples.record()
    record["stages"]["infer"].update(p50=0.1489, p90=0.17349, p99=12.345, mean=1234.5)
    (table,) = tables_of(document_of([record]), "latency")
    assert [cells_of(table, f"inference, ms {name}") for name in ("p50", "p90", "p99", "mean")] == [
        ["0.149"],
        ["0.173"],
        ["12.3"],
        ["1,234"],
    ]
    assert cells_of(table, "frames") == ["1,000"]


def test_ratio_compares_p90_within_kind_model_and_task() -> None:
    records = []
    for runner, kind, model, task, p90 in [
        ("a", "measured", "signnet", "bench", 2.0),
        ("b", "measured", "signnet", "bench", 5.0),
        ("c", "measured", "tutorial", "bench", 1.0),
        ("d", "measured", "signnet", "stream", 4.0),
        ("e", "emulated", "signnet", "bench", 0.5),
    ]:
        records.append(samples.record(runner, kind, model, task=task))
        records[-1]["stages"]["infer"]["p90"] = p90
    runs = {run.name: run for run in build_runs(records)}
    assert {name: run.ratio for name, run in runs.items()} == {
        "a": 1.0,
        "b": 2.5,
        "c": 1.0,
        "d": 1.0,
        "e": 1.0,
    }


def test_an_invalid_run_is_no_base_of_ratios_and_no_headline() -> None:
    records = [samples.record("quick", infer_ms=0.1, frames=70), samples.record("good")]
    document = document_of(records)
    (table,) = tables_of(document, "latency")
    assert cells_of(table, "runner") == ["quick †", "good"]
    assert cells_of(table, "ratio")[1] == "1.00"
    summary = " ".join(texts_of(section_of(document, "summary")))
    assert "good" in summary
    assert "quick" not in summary
    warnings = texts_of(section_of(document, "warnings"))
    assert warnings == [
        "Not valid: quick, model signnet, measured bench: too few samples for p99: 70 of 662."
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"valid": False, "why": ["the clock jumped", "too hot"]}, "the clock jumped; too hot."),
        ({"valid": False, "why": []}, "the record gives no reason."),
        ({"frames": 10}, "too few samples for p90: 10 of 64; too few samples for p99: 10 of 662."),
    ],
    ids=["stated", "no-reason", "claims-to-be-valid"],
)
def test_warnings_name_why_a_run_is_not_valid(changes: dict[str, Any], expected: str) -> None:
    runs = build_runs([{**samples.record(), **changes}])
    assert find_warnings(runs, []) == [
        f"Not valid: litert-int8, model signnet, measured bench: {expected}"
    ]


def test_warnings_say_whose_times_emulated_and_predicted_are() -> None:
    runs = build_runs([samples.record("emulator", "emulated"), samples.record("dpu", "predicted")])
    emulated, predicted = find_warnings(runs, [])
    assert emulated == "Emulated (emulator): times are this computer's, not the DPU's."
    assert "not measured" in predicted


def test_warnings_of_governor_load_and_another_build(tmp_path: Path) -> None:
    record = samples.record(sha256="9" * 64)
    record["environment"] |= {"governor": "powersave", "load_average": 7.5}
    model = read_model(samples.model_folder(tmp_path))
    text = " ".join(find_warnings(build_runs([record]), [model]))
    assert "governor powersave" in text
    assert "load average of 7.50 on 2 cores" in text
    assert "sha256 9999999999999999…" in text


def test_no_warning_is_said_too() -> None:
    assert texts_of(section_of(document_of([samples.record()]), "warnings")) == ["There are none."]


def test_summary_names_the_fastest_runner_and_the_ratios() -> None:
    records = [
        samples.record(name, infer_ms=ms) for name, ms in (("slow", 9), ("fast", 1), ("mid", 2))
    ]
    for record, p90 in zip(records, (9.0, 1.5, 3.0)):
        record["stages"]["infer"]["p90"] = p90
    assert summarize(build_runs(records), []) == [
        f"Measured, model signnet: the fastest runner is fast ({samples.CPU}, 1 thread);"
        " 90 % of its inferences took at most 1.50 ms."
        " The p90 of the others, relative to that: mid 2.00 times and slow 6.00 times."
    ]


def test_summary_of_many_runs_stays_short() -> None:
    records = [samples.record(f"runner-{i}{'x' * 200}", infer_ms=1.0 + i) for i in range(30)]
    (sentence,) = summarize(build_runs(records), [])
    assert sentence.count("times") == 6
    assert sentence.endswith("and 23 more in the table.")
    assert len(sentence) < 1000


def test_summary_of_a_prediction_is_no_measurement() -> None:
    (sentence,) = summarize(build_runs([samples.record("dpu", "predicted")]), [])
    assert sentence.startswith("Predicted (not measured), model signnet: runner dpu")
    assert "would take at most" in sentence
    assert sentence.endswith("Nothing was run for this number.")


def test_summary_keeps_kinds_apart_and_says_so() -> None:
    runs = build_runs([samples.record(), samples.record("emulator", "emulated")])
    measured, emulated, last = summarize(runs, [])
    assert "emulator" not in measured
    assert emulated.endswith("That is the time of the computer that emulates, not the DPU's.")
    assert last.startswith("Times of the kinds measured and emulated are not compared")


def test_summary_gives_accuracy_data_set_and_n(tmp_path: Path) -> None:
    model = read_model(samples.model_folder(tmp_path, wrong=12))
    # 12 of 24 * 298 = 7152 int8 answers are wrong: 99.832 %; six letters gain one as float.
    assert summarize([], [model]) == [
        "Model signnet is right on 99.92 % of 7,152 images of Sign Language MNIST, test part before"
        " quantization (float) and on 99.83 % after it (int8), 0.08 points less."
    ]


@pytest.mark.parametrize(
    ("energy", "expected"),
    [((None, 3.25), ["no sensor", "3.25"]), ((None, None), None)],
    ids=["one-sensor", "no-sensor"],
)
def test_energy_column_needs_a_sensor(
    energy: tuple[float | None, ...], expected: list[str] | None
) -> None:
    records = [
        samples.record(name, infer_ms=ms, energy_mj_per_frame=value)
        for name, ms, value in zip(("a", "b"), (1.0, 2.0), energy)
    ]
    (table,) = tables_of(document_of(records), "latency")
    if expected is None:
        assert "mJ/frame" not in columns_of(table)
        assert "Energy per frame: no sensor." in table.notes
    else:
        assert cells_of(table, "mJ/frame") == expected


def test_stream_table_shows_drops_ages_and_text() -> None:
    record = samples.record(task="stream", frames=700, dropped=300, text="HELLO", accuracy=0.5)
    (table,) = tables_of(document_of([record]), "streams")
    assert cells_of(table, "dropped") == ["300 (30.00 %)"]
    assert cells_of(table, "text spelled") == ["HELLO"]
    assert cells_of(table, "right letters") == ["50.00 %"]
    assert {"frame age, ms p50", "frame age, ms p99"} <= set(columns_of(table))


def test_budget_has_the_medians_of_the_stages() -> None:
    record = samples.record(task="stream", text="A")
    (table,) = tables_of(document_of([record]), "budget")
    for stage in ("capture", "preprocess", "infer", "postprocess"):
        shown = float(cells_of(table, f"median, ms {stage}")[0])
        assert shown == pytest.approx(record["stages"][stage]["p50"], rel=0.01)


def test_a_record_without_stages_still_makes_a_report() -> None:
    document = document_of([samples.record(stages={}, throughput_fps=None, frames=0)])
    (table,) = tables_of(document, "latency")
    assert columns_of(table) == ["runner", "model", "device", "threads", "frames"]
    (text,) = texts_of(section_of(document, "distribution"))
    assert text.startswith("No record keeps the distribution of its latencies")
    assert "no run is valid and has an infer stage" in texts_of(section_of(document, "summary"))[0]


def test_stages_of_no_time_are_drawn() -> None:
    record = samples.record(task="stream", infer_ms=0.0, text="")
    for summary in record["stages"].values():
        summary.update(dict.fromkeys(summary, 0.0))
    document = document_of([record, samples.record("other")])
    assert cells_of(tables_of(document, "streams")[0], "text spelled") == ["(nothing)"]


def test_runs_that_share_a_runner_are_told_apart() -> None:
    records = [samples.record(threads=n) for n in (1, 4)]
    records.append(samples.record(threads=4, device="another one"))
    assert sorted(run.name for run in build_runs(records)) == [
        "litert-int8, 1 thread",
        f"litert-int8, 4 threads, {samples.CPU}",
        "litert-int8, 4 threads, another one",
    ]


def test_two_builds_of_a_model_and_two_machines_are_told_apart() -> None:
    records = [samples.record("a", device="CPU", sha256=letter * 64) for letter in "ab"]
    records[1]["environment"]["cpu"] = "Cortex-A53"
    runs = build_runs(records)
    assert [run.model for run in runs] == ["signnet (aaaaaaaa)", "signnet (bbbbbbbb)"]
    assert [run.place for run in runs] == [f"CPU ({samples.CPU})", "CPU (Cortex-A53)"]
    machines = tables_of(document_of(records), "environment")[0]
    assert columns_of(machines) == ["fact", "machine 1", "machine 2"]


@pytest.mark.parametrize(
    "environment",
    [{}, {"versions": ["numpy"], "cpu": {"a": 1}, "cores": "two", "load_average": "high"}],
    ids=["empty", "odd"],
)
def test_an_environment_of_another_program_does_no_harm(environment: dict[str, Any]) -> None:
    machines = tables_of(document_of([samples.record(environment=environment)]), "environment")[0]
    assert cells_of(machines, "machine 1")[1] == "unknown"


def test_environment_says_how_to_repeat_it(tmp_path: Path) -> None:
    folder = samples.model_folder(tmp_path)
    section = section_of(document_of([samples.record()], [folder]), "environment")
    (code,) = [block for block in section.blocks if isinstance(block, Code)]
    assert [line.split("#")[0].strip() for line in code.lines] == [
        "make demo",
        "make bench",
        "make report",
    ]
    assert any(samples.SHA["signnet"] in str(block) for block in section.blocks)
