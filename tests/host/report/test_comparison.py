from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from host.report.comparison import best_by_class
from host.report.runs import build_runs
from tests.host.report import samples
from tests.host.report.reading import cells_of, document_of, section_of, tables_of, texts_of

DPU, GPU = "DPUCZDX8G through VART", "GPU Tester 9000, Keras on torch"


def _record(runner: str, p90: float, **facts: Any) -> dict[str, Any]:
    record = samples.record(runner, **facts)
    record["stages"]["infer"]["p90"] = p90
    return record


def test_device_class_comes_from_the_device() -> None:
    records = [_record("a", 1.0, device=DPU), _record("b", 1.0, device=GPU), _record("c", 1.0)]
    assert {run.name: run.device_class for run in build_runs(records)} == {
        "a": "DPU",
        "b": "GPU",
        "c": "CPU",
    }


def test_best_by_class_takes_valid_measured_benchmarks_alone() -> None:
    records = [
        _record("slow", 2.0),
        _record("fast", 1.0),
        _record("faster, not valid", 0.5, valid=False, why=["throttled"]),
        _record("fastest, emulated", 0.1, kind="emulated"),
        _record("fastest, in the application", 0.2, task="stream"),
    ]
    assert {name: run.name for name, run in best_by_class(build_runs(records)).items()} == {
        "CPU": "fast"
    }


def test_comparison_is_relative_to_the_dpu() -> None:
    records = [
        _record("dpu", 0.5, device=DPU),
        _record("keras-gpu", 2.0, device=GPU),
        _record("litert-int8", 0.25),
        _record("litert-float", 1.0),
    ]
    (table,) = tables_of(document_of(records), "comparison")
    assert cells_of(table, "class") == ["DPU", "GPU", "CPU"]
    assert cells_of(table, "best runner") == ["dpu", "keras-gpu", "litert-int8"]
    assert cells_of(table, "ratio") == ["1.00", "4.00", "0.50"]


@pytest.mark.parametrize(
    ("device", "runners"),
    [
        (DPU, ["it", "not measured", "not measured"]),
        (GPU, ["not measured", "it", "not measured"]),
        ("CPU, LiteRT", ["not measured", "not measured", "it"]),
    ],
    ids=["dpu", "gpu", "cpu"],
)
def test_what_was_not_measured_is_said_to_be_so(device: str, runners: list[str]) -> None:
    (table,) = tables_of(document_of([_record("it", 0.25, device=device)]), "comparison")
    assert cells_of(table, "class") == ["DPU", "GPU", "CPU"]
    assert cells_of(table, "best runner") == runners
    assert cells_of(table, "ratio") == ["1.00" if name == "it" else "–" for name in runners]


def test_no_comparison_of_what_was_only_emulated() -> None:
    document = document_of([_record("emulator", 0.25, kind="emulated")])
    assert "comparison" not in [section.name for section in document.sections]


def test_networks_stand_side_by_side(tmp_path: Path) -> None:
    folders = [
        samples.model_folder(tmp_path / "a", predicted_latency=samples.PREDICTION),
        samples.model_folder(tmp_path / "b", name="tutorial"),
    ]
    records = [
        _record("litert-int8", 0.25),
        _record("emulator", 0.5, kind="emulated", valid=False, why=["throttled"]),
    ]
    (table,) = tables_of(document_of(records, folders), "networks")
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["predicted: DPU of a zcu104, ms"] == ("0.312", "–")
    assert rows["multiply-adds an image"] == ("2,000", "–")
    assert rows["measured: litert-int8, p50 / p90, ms"][0].endswith("/ 0.250")
    assert rows["emulated: emulator, p50 / p90, ms"][0].endswith("/ 0.500 †")
    assert table.notes[-1] == "† not valid; the warnings say why."


def test_the_null_runner_is_no_competitor() -> None:
    null = _record("null", 0.001, device="nothing: the benchmark's own overhead")
    null["overhead_us"] = 0.5
    null["stages"]["inference"] = {**null["stages"]["infer"], "p90": 0.00075}
    document = document_of([_record("litert-int8", 0.25), null])
    (table,) = tables_of(document, "latency")
    assert cells_of(table, "runner") == ["litert-int8"]
    assert cells_of(table, "ratio") == ["1.00"]
    assert texts_of(section_of(document, "latency"))[-1] == (
        "The benchmark's own overhead, measured with a runner that does nothing: 0.500 microseconds a"
        " query outside the stages, and 0.750 microseconds (p90) inside the inference."
    )


def test_inference_holds_the_copies_where_a_record_tells_them_apart() -> None:
    record = _record("litert-int8", 0.25)
    record["stages"]["inference"] = {**record["stages"]["infer"], "p90": 0.375}
    (run,) = build_runs([record])
    assert run.p90_ms == 0.375


@pytest.mark.parametrize("count", [0, 1], ids=["none", "only-null"])
def test_a_report_of_nothing_but_overhead_is_made(count: int) -> None:
    document = document_of([_record("null", 0.001)] * count)
    assert document.sections[0].name == "summary"
