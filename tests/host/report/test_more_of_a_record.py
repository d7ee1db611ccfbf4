"""Throughput, energy, distributions and answers: what only newer records have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from host.report.document import Folded, Plot
from host.report.html import render_html
from host.report.markdown import render_markdown
from target.measure.record import read_records
from tests.host.report import samples
from tests.host.report.reading import (
    cells_of,
    columns_of,
    document_of,
    section_of,
    tables_of,
    texts_of,
)

MORE: dict[str, Any] = {
    "dataset": "photos",
    "images": 10,
    "duration_s": 2.0,
    "overhead_us": 0.5,
    "distribution": {"stage": "inference", "quantiles_ms": [0.1 + i / 1000 for i in range(201)]},
    "throughput": [
        {"threads": 1, "in_flight": 1, "frames": 200, "seconds": 2.0, "fps": 100.0},
        {"threads": 2, "in_flight": 1, "frames": 300, "seconds": 2.0, "fps": 150.0},
    ],
    "energy": {"sensor": "board, ina226", "idle_w": 5.0, "busy_w": 6.0, "mj_per_frame": 2.5},
    "energy_mj_per_frame": 2.5,
    "codes_identical": None,
    "agreement": {
        "with": "the float model in Keras",
        "images": 10,
        "agree": 8,
        "disagreements": [
            {"image": 3, "truth": "R", "float": "R", "runner": "V"},
            {"image": 7, "truth": None, "float": "M", "runner": "<N>"},
        ],
    },
}


def _record(**facts: Any) -> dict[str, Any]:
    return {**samples.record(accuracy=0.9), **MORE, **facts}


def test_the_schema_knows_what_is_new() -> None:
    record = json.loads(json.dumps(_record()))
    assert read_records(record, "x") == [record]


def test_throughput_is_shown_by_number_of_threads() -> None:
    document = document_of([_record(), samples.record("without", "emulated")])
    (table,) = tables_of(document, "throughput")
    assert columns_of(table)[3:] == [
        "frames/s with so many threads 1",
        "frames/s with so many threads 2",
        "gain",
        "jobs in flight",
    ]
    assert table.rows[0][3:] == ("100", "150", "1.50", "1")
    (plot,) = [b for b in section_of(document, "throughput").blocks if isinstance(b, Plot)]
    assert plot.alt == "Bars of the measured frames a second. Best: litert-int8, signnet: 150."


def test_energy_is_shown_with_its_sensor() -> None:
    (table,) = tables_of(document_of([_record()]), "energy")
    assert table.rows == (("litert-int8", "signnet", "board, ina226", "5.00", "6.00", "2.50"),)
    (text,) = texts_of(section_of(document_of([samples.record()]), "energy"))
    assert text.startswith("No record has energy: there was no sensor")


def test_distribution_has_a_plot_of_shares_and_a_histogram_for_each_model() -> None:
    records = [_record(), {**samples.record(model="tutorial"), **MORE}]
    section = section_of(document_of(records), "distribution")
    plots = [block for block in section.blocks if isinstance(block, Plot)]
    assert [plot.alt.split(" of ")[0] for plot in plots] == [
        "Cumulative distribution",
        "Histogram",
    ] * 2
    assert len({plot.svg for plot in plots}) == 4
    for plot in plots:
        assert "inference, ms, measured" in plot.svg


def test_distribution_of_times_that_are_all_alike_is_drawn() -> None:
    alike = {"stage": "inference", "quantiles_ms": [0.5] * 201}
    section = section_of(document_of([_record(distribution=alike)]), "distribution")
    assert sum(isinstance(block, Plot) for block in section.blocks) == 2


def test_answers_are_compared_with_the_float_model() -> None:
    exact = samples.record("emulator", "emulated", accuracy=1.0)
    exact |= {"codes_identical": True, "agreement": {**MORE["agreement"], "agree": 10}}
    exact["agreement"]["disagreements"] = []
    document = document_of([_record(), exact])
    (table,) = tables_of(document, "accuracy")
    assert cells_of(table, "as the float model") == ["80.00 %", "100.00 %"]
    assert cells_of(table, "other letters") == ["2", "0"]
    assert cells_of(table, "codes of the DPU") == ["not promised", "identical"]
    (folded,) = [b for b in section_of(document, "accuracy").blocks if isinstance(b, Folded)]
    assert folded.title.endswith("another letter than the float model on 2 images")
    assert folded.text == "Image, float→runner (truth): 3 R→V (is R), 7 M→<N>."


def test_folded_texts_are_escaped_in_either_form() -> None:
    document = document_of([_record()])
    page = render_html(document)
    assert "<details><summary>litert-int8, signnet: another letter" in page
    assert "7 M→&lt;N&gt;." in page
    text = render_markdown(document)
    assert "7 M→&lt;N&gt;." in text and "</details>" in text


def test_a_number_and_its_unit_stay_on_one_line() -> None:
    page = render_html(document_of([_record()]))
    assert "90&nbsp;% of its inferences" in page


def test_report_json_can_be_merged_again(tmp_path: Path) -> None:
    from host.report.merge import merge
    from host.report.write import write_report

    path = samples.write_json(tmp_path / "records.json", _record())
    written = write_report(merge("Title", [path], []), tmp_path / "out")
    assert merge("Title", [written["json"]], []).records == json.loads(
        json.dumps([read_records(json.loads(path.read_text()), "x")[0]])
    )
