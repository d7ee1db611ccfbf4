"""What the report says about models: letters, mistakes, predictions, and what they leave out."""

from __future__ import annotations

from pathlib import Path

import pytest

from host.report.document import Plot
from host.report.models import read_model
from host.report.summary import find_warnings
from tests.host.report import samples
from tests.host.report.reading import (
    cells_of,
    columns_of,
    document_of,
    section_of,
    tables_of,
    texts_of,
)


def test_letters_are_listed_worst_first_and_only_if_wrong(tmp_path: Path) -> None:
    folder = samples.model_folder(tmp_path, wrong=140)
    tables = tables_of(document_of([samples.record()], [folder]), "accuracy")
    letters = next(table for table in tables if table.caption.startswith("Letters"))
    shares = [float(cell.removesuffix(" %")) for cell in cells_of(letters, "right int8")]
    assert shares == sorted(shares)
    assert max(shares) < 100
    assert f"The other {24 - len(shares)} of 24 letters are always right." in letters.notes


def test_a_model_without_mistakes_says_so(tmp_path: Path) -> None:
    folder = samples.model_folder(tmp_path, wrong=0)
    section = section_of(document_of([samples.record()], [folder]), "accuracy")
    assert "Model signnet names every image of every letter right." in texts_of(section)
    plots = [block for block in section.blocks if isinstance(block, Plot)]
    assert plots[0].alt.endswith("0 mistakes among 7,152 images. No mistake.")


def test_a_model_with_a_manifest_only_is_enough(tmp_path: Path) -> None:
    samples.write_json(tmp_path / "model.json", samples.manifest())
    document = document_of([samples.record()], [tmp_path])
    assert "is not known" in texts_of(section_of(document, "summary"))[0]
    assert not [b for b in section_of(document, "accuracy").blocks if isinstance(b, Plot)]


def test_a_prediction_of_the_manifest_is_labelled(tmp_path: Path) -> None:
    folder = samples.model_folder(tmp_path, predicted_latency=samples.PREDICTION)
    document = document_of([samples.record()], [folder])
    assert [table.caption for table in tables_of(document, "latency")] == ["Latency, measured"]
    table = tables_of(document, "comparison")[-1]
    assert table.caption == "Predicted beside measured"
    assert columns_of(table) == [
        *("model", "kind", "board", "DPU, ms", "one thread, ms", "from Python, ms"),
        *("all cores, frames/s", "bound by"),
    ]
    assert table.rows == (
        ("signnet", "predicted", "zcu104", "0.312", "0.412", "0.588", "5,000", "weights (75%)"),
        ("signnet", "measured", "not measured", "–", "–", "–", "–", "–"),
    )
    assert "3.75 % in the median and 9.00 % at the 90th percentile" in table.notes[1]
    assert "for networks of keras.applications (99 rows" in table.notes[1]
    summary = texts_of(section_of(document, "summary"))
    assert (
        "Predicted (not measured), model signnet: the DPU of a zcu104 would take 0.312 ms an image,"
        " bound by reading weights from memory." in summary
    )


def test_a_measured_dpu_stands_below_its_prediction(tmp_path: Path) -> None:
    folder = samples.model_folder(tmp_path, predicted_latency=samples.PREDICTION)
    record = samples.record("dpu", device="DPUCZDX8G through VART")
    record["stages"]["infer"]["p90"] = 0.625
    record["throughput"] = [{"threads": n, "in_flight": 4, "fps": 1000.0 * n} for n in (1, 2)]
    table = tables_of(document_of([record], [folder]), "comparison")[-1]
    place = "DPUCZDX8G through VART"
    assert table.rows[1] == ("signnet", "measured", place, "–", "–", "0.625", "2,000", "–")


@pytest.mark.parametrize(
    "prediction",
    [{"infer_ms": 0.3}, {"kind": "predicted", "board": "zcu104", "dpu_ms": "fast"}],
    ids=["another-program's", "no-numbers"],
)
def test_a_prediction_that_cannot_be_read_is_left_out(tmp_path: Path, prediction: object) -> None:
    folder = samples.model_folder(tmp_path, predicted_latency=prediction)
    document = document_of([samples.record()], [folder])
    captions = [table.caption for table in tables_of(document, "comparison")]
    assert captions == ["DPU, GPU and CPU: measured, batch 1, same images"]


def test_metrics_and_manifest_that_disagree_are_warned_of(tmp_path: Path) -> None:
    accuracy = {"float": 0.9, "int8": 0.8, "dataset": "photos", "n": 10}
    model = read_model(samples.model_folder(tmp_path, accuracy=accuracy))
    (warning,) = find_warnings([], [model])
    assert warning.startswith("Model signnet: model.json says 80.00 % int8 on 10 images")


def test_metrics_of_another_build_are_left_out(tmp_path: Path) -> None:
    folder = samples.model_folder(tmp_path, accuracy=None)
    counted = samples.metrics() | {"model_sha256": {"xmodel": "0" * 64}}
    samples.write_json(folder / "metrics.json", counted)
    model = read_model(folder)
    assert model.metrics is None and model.accuracy is None
