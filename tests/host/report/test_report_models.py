"""What the report says about models: letters, mistakes, predictions, and what they leave out."""

from __future__ import annotations

from pathlib import Path

from host.report.document import Plot
from host.report.models import read_model
from host.report.summary import find_warnings
from tests.host.report import samples
from tests.host.report.reading import cells_of, document_of, section_of, tables_of, texts_of


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
    prediction = {"infer_ms": 0.3125, "range_ms": {"low": 0.25}, "layers": [1, 2]}
    folder = samples.model_folder(tmp_path, predicted_latency=prediction)
    tables = tables_of(document_of([samples.record()], [folder]), "latency")
    assert [table.caption for table in tables] == [
        "Latency, measured",
        "Predicted by the latency model, not measured: signnet",
    ]
    assert tables[1].rows == (
        ("infer_ms", "0.312"),
        ("range_ms low", "0.250"),
        ("layers", "2 entries"),
    )


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
