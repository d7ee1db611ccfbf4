"""The tables of models: accuracy, letters, confusions, predictions, where they come from.

Must not import TensorFlow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from host.report.document import Cell, Column, Paragraph, Table, make_table
from host.report.models import ModelFolder
from host.report.wording import count, moment, percent, plain, points

_MOST_CONFUSIONS = 10


def accuracy_table(models: Sequence[ModelFolder]) -> Table:
    """Return how often each model is right, float and int8."""
    columns = [Column("model"), Column("float", numeric=True), Column("int8", numeric=True)]
    columns += [Column("difference, points", numeric=True)]
    columns += [Column("images", numeric=True), Column("data set")]
    rows: list[list[Cell]] = []
    for model in models:
        known = model.accuracy
        cells: list[Cell] = [None] * 5
        if known:
            cells = [
                percent(known.float_share),
                percent(known.int8_share),
                points(known.int8_share - known.float_share),
                count(known.n),
                plain(known.dataset) if known.dataset else None,
            ]
        rows.append([plain(model.name), *cells])
    note = "The difference is taken before rounding."
    return make_table("Accuracy of the models", columns, rows, [note])


def letters_block(model: ModelFolder) -> Table | Paragraph | None:
    """Return the letters that are not always right, worst first, or the sentence that all are."""
    letters = (model.metrics or {}).get("per_letter")
    if not letters:
        return None
    wrong = {
        letter: counts
        for letter, counts in letters.items()
        if min(counts["float_correct"], counts["int8_correct"]) < counts["n"]
    }
    if not wrong:
        return Paragraph(f"Model {plain(model.name)} names every image of every letter right.")
    columns = [Column("letter"), Column("images", numeric=True)]
    columns += [Column("int8", "right", True), Column("float", "right", True)]
    columns += [Column("int8", "wrong", True), Column("float", "wrong", True)]
    worst = sorted(wrong.items(), key=lambda item: (item[1]["int8_correct"] / item[1]["n"], item))
    rows = [[plain(letter), *_letter_cells(counts)] for letter, counts in worst]
    right = len(letters) - len(wrong)
    note = f"The other {right} of {len(letters)} letters are always right." if right else ""
    caption = f"Letters that are not always right, worst first: {plain(model.name)}"
    return make_table(caption, columns, rows, [note] if note else [])


def _letter_cells(counts: dict[str, int]) -> list[Cell]:
    n = counts["n"]
    right = [counts["int8_correct"], counts["float_correct"]]
    return [count(n), *(percent(value / n) for value in right), *(count(n - v) for v in right)]


def confusions_of(metrics: dict[str, Any]) -> list[tuple[int, str, str, int]]:
    """Return (times, truth, answer, images of the truth) of every mistake, most frequent first."""
    letters = metrics["letters"]
    found = [
        (times, letters[row], letters[column], sum(counts))
        for row, counts in enumerate(metrics["confusion"])
        for column, times in enumerate(counts)
        if times and row != column
    ]
    return sorted(found, key=lambda mistake: (-mistake[0], mistake[1], mistake[2]))


def confusion_table(model: ModelFolder) -> Table | None:
    """Return the most frequent mistakes, None if there is no confusion matrix or no mistake."""
    metrics = model.metrics or {}
    mistakes = confusions_of(metrics) if "confusion" in metrics else []
    if not mistakes:
        return None
    columns = [Column("letter shown"), Column("answer")]
    columns += [Column("times", numeric=True), Column("of images", numeric=True)]
    rows = [
        [truth, answer, count(times), count(n)]
        for times, truth, answer, n in mistakes[:_MOST_CONFUSIONS]
    ]
    left = len(mistakes) - len(rows)
    notes = [f"{left} less frequent mistakes are left out."] if left else []
    return make_table(f"Most frequent mistakes: {plain(model.name)}", columns, rows, notes)


def matrix_model(metrics: dict[str, Any]) -> str:
    """Return whose answers the confusion matrix counts, as far as its diagonal tells."""
    right = sum(row[index] for index, row in enumerate(metrics["confusion"]))
    if right == metrics["int8_correct"]:
        return " int8"
    return " float" if right == metrics["float_correct"] else ""


def model_table(models: Sequence[ModelFolder]) -> Table:
    """Return what identifies each model, one per column."""
    columns = [Column("fact"), *(Column(plain(model.name)) for model in models)]
    facts = [_identity(model) for model in models]
    rows = [[name, *(fact[name] for fact in facts)] for name in facts[0]]
    return make_table("Models", columns, rows)


def _identity(model: ModelFolder) -> dict[str, str]:
    manifest, training = model.manifest, model.manifest["training"]
    versions = manifest["toolchain"]["versions"]
    return {
        "network": plain(manifest["network"]),
        "sha256 of the compiled model": model.sha256,
        "toolchain": plain(manifest["toolchain"]["name"]),
        "made with": plain(", ".join(f"{name} {version}" for name, version in versions.items())),
        "target": plain(f"{manifest['target']}, fingerprint {manifest['fingerprint']}"),
        "trained on": plain(training["source"]),
        "sha256 of the training data": plain(training["sha256"]),
        "split": plain(training["split"]),
        "created": moment(manifest["created"]),
    }
