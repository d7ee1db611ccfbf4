"""Trained folders side by side: curves in one picture, numbers in one table, letters where they differ.

Must not import TensorFlow.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from host.report.document import (
    Block,
    Bullets,
    Column,
    Document,
    Paragraph,
    Plot,
    Section,
    Table,
    make_table,
)
from host.report.html import render_html
from host.report.wording import join, percent, plural, points
from host.report.workshop.overlay import draw_overlay
from host.report.workshop.pictures import as_markup, style
from host.report.workshop.readings import count_answers, read_answers
from host.report.workshop.trained import TrainedFolder, read_trained
from target import files
from target.errors import DataError
from target.text.labels import STATIC_LETTERS

# What a loss is made of, and what a train.json without it means.
_LOSS_SETTINGS = {"loss": "crossentropy", "label_smoothing": 0.0, "l1": 0.0, "l2": 0.0}
MOST_FOLDERS = 12  # more curves in one picture cannot be told apart


class Evaluated(NamedTuple):
    """What a folder's network answered to a set of images.

    Attributes:
        labels: Integers (n,), label values 0-24 without 9.
        scores: Probabilities, float (n, 25).
        what: Names the images.
    """

    labels: np.ndarray
    scores: np.ndarray
    what: str


def write_comparison(
    folders: Sequence[Path], out: Path, evaluated: Mapping[Path, Evaluated] | None = None
) -> dict[str, Any]:
    """Write out/comparison.png and out/comparison.html.

    Args:
        folders: Two to twelve, each with train.json and history.json.
        out: Folder, made if it does not exist.
        evaluated: By folder, as it is in `folders`; those without scores have no letters.

    Returns:
        What json.dumps takes: page, comparable, why_not, and of each folder its row and verdict.

    Raises:
        DataError: If there are too few or too many folders, or scores are not what they must be.
        ModelError: If a folder was not trained, or its train.json or history.json is damaged.
        OutputError: If the folder cannot be written.
    """
    if not 2 <= len(folders) <= MOST_FOLDERS:
        raise DataError(f"folders to compare must be 2 to {MOST_FOLDERS}, got {len(folders)}")
    trained = [read_trained(path, name) for path, name in zip(folders, _names(folders))]
    recalls, notes = _recalls(folders, trained, evaluated or {})
    why_not = _differences(trained)
    with contextlib.ExitStack() as stack:
        picture = stack.enter_context(files.replacing(out / "comparison.png"))
        page = stack.enter_context(files.replacing(out / "comparison.html"))
        with style():
            draw_overlay(trained, picture)
        document = _document(trained, picture, why_not, recalls, notes)
        page.write_text(render_html(document), encoding="utf-8")
    return {
        "page": str(out / "comparison.html"),
        "comparable": not why_not,
        "why_not": why_not,
        "folders": [
            {
                "name": item.name,
                "folder": str(folder),
                "best_epoch": item.best_epoch,
                "val_accuracy": _finite(item.at_best("val_accuracy")),
                "val_loss": _finite(item.at_best("val_loss")),
                "recall": recalls.get(item.name),
                "verdict": item.verdict().as_json(),
            }
            for folder, item in zip(folders, trained)
        ],
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _names(folders: Sequence[Path]) -> list[str]:
    """Return the folders' names; with their parents, or a number, where they are the same."""
    for depth in (1, 2, 3):
        names = ["/".join(path.resolve().parts[-depth:]) for path in folders]
        if len(set(names)) == len(names):
            return names
    seen: Counter[str] = Counter()
    for place, name in enumerate(names):
        seen[name] += 1
        names[place] = f"{name} ({seen[name]})"
    return names


def _differences(trained: Sequence[TrainedFolder]) -> list[str]:
    """Return why the validation numbers are not comparable, one sentence each; empty if they are."""
    keys = [item.validated_on() for item in trained]
    sentences = {
        "data": "the training data differ",
        "split": "the rules of the split differ",
        "seed": "the seeds of the split differ",
        "rows": "the numbers of validation rows differ",
    }
    found = []
    for key, sentence in sentences.items():
        values = [json.dumps(own[key]) for own in keys]
        if len(set(values)) > 1 and (key != "seed" or "null" not in values):
            written = [value.strip('"')[:12] for value in values]
            named = join([f"{item.name} {text}" for item, text in zip(trained, written)])
            found.append(f"{sentence[0].upper()}{sentence[1:]}: {named}.")
    return found


def _recalls(
    folders: Sequence[Path],
    trained: Sequence[TrainedFolder],
    evaluated: Mapping[Path, Evaluated],
) -> tuple[dict[str, dict[str, float | None]], list[str]]:
    """Return by folder and letter the share that was read right, and what a reader must know of it."""
    recalls: dict[str, dict[str, float | None]] = {}
    sets: list[Evaluated] = []
    for folder, item in zip(folders, trained):
        if folder not in evaluated:
            continue
        own = evaluated[folder]
        if not len(own.labels):
            raise DataError(f"images to look at must be at least 1, got 0 for {item.name}")
        answers, _ = read_answers(own.labels, own.scores)
        counts = count_answers(own.labels, answers)
        recalls[item.name] = {
            letter: float(row[place] / row.sum()) if row.sum() else None
            for place, (letter, row) in enumerate(zip(STATIC_LETTERS, counts))
        }
        sets.append(own)
    same = all(
        np.array_equal(own.labels, sets[0].labels) and own.what == sets[0].what for own in sets
    )
    if same:
        return recalls, [f"Images: {sets[0].what}."] if sets else []
    names = [f"{name}: {own.what}" for name, own in zip(recalls, sets)]
    return recalls, [f"Not comparable, the images differ. {'; '.join(names)}."]


def _document(
    trained: Sequence[TrainedFolder],
    picture: Path,
    why_not: list[str],
    recalls: dict[str, dict[str, float | None]],
    notes: list[str],
) -> Document:
    sections = []
    if why_not:
        text = "The numbers of these folders are not comparable: they were validated on different rows."
        sections.append(
            Section("warnings", "Not comparable", (Paragraph(text), Bullets(tuple(why_not))))
        )
    losses = [
        [item.config.get(name, default) for name, default in _LOSS_SETTINGS.items()]
        for item in trained
    ]
    differ = any(own != losses[0] for own in losses)
    loss_notes = ["Losses are not comparable: their settings differ."] if differ else []
    sections += [
        Section("summary", "Numbers", tuple(_numbers(trained, why_not, loss_notes))),
        Section("curves", "Curves", (_curves(trained, picture),)),
    ]
    if recalls:
        sections.append(Section("letters", "Letters", (_letters(recalls, notes),)))
    names = join([item.name for item in trained])
    return Document("Trainings compared", names, tuple(sections))


def _numbers(trained: Sequence[TrainedFolder], why_not: list[str], notes: list[str]) -> list[Block]:
    blocks: list[Block] = []
    if not why_not:
        blocks.append(Paragraph(_best(trained)))
    columns = (
        Column("Folder"),
        Column("Network"),
        Column("Weights", numeric=True),
        Column("Epochs", numeric=True),
        Column("Best epoch", numeric=True),
        Column("Training, s", numeric=True),
        Column("Seed", numeric=True),
        Column("Learning rate", numeric=True),
        Column("Optimizer"),
        Column("accuracy", group="Validation", numeric=True),
        Column("loss", group="Validation", numeric=True),
        Column("Verdict"),
    )
    rows = [_row(item) for item in trained]
    blocks.append(make_table("Trainings", columns, rows, notes))
    verdicts = tuple(f"{item.name}: {item.verdict().as_text()}" for item in trained)
    blocks.append(Bullets(verdicts))
    return blocks


def _best(trained: Sequence[TrainedFolder]) -> str:
    known = [(item.at_best("val_accuracy") or 0.0, item) for item in trained]
    top = max(accuracy for accuracy, _ in known)
    names = [item.name for accuracy, item in known if accuracy == top]
    if len(names) == 1:
        return f"Best validation accuracy: {names[0]}, {percent(top)}."
    return f"Best validation accuracy: {join(names)}, {percent(top)} each."


def _row(item: TrainedFolder) -> tuple[str | None, ...]:
    config, facts = item.config, item.facts
    seconds = None if item.aware else facts.get("seconds")
    network = facts.get("network")
    accuracy, loss = item.at_best("val_accuracy"), item.at_best("val_loss")
    return (
        item.name,
        f"{network}, quantization-aware" if item.aware else _text(network),
        _text(facts.get("weights")),
        str(len(item.history["loss"])),
        str(item.best_epoch),
        _text(seconds),
        _text(config.get("seed")),
        f"{config['learning_rate']:g}",
        _text(config.get("optimizer")),
        None if accuracy is None else percent(accuracy),
        None if loss is None else f"{loss:.4f}",
        item.verdict().kind,
    )


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 10 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _curves(trained: Sequence[TrainedFolder], picture: Path) -> Plot:
    ends = join(
        [
            f"{item.name}: {percent(item.history['val_accuracy'][-1])}"
            f" after {plural(len(item.history['loss']), 'epoch')}"
            for item in trained
        ]
    )
    alt = f"Validation accuracy and validation loss over the epochs. {ends}."
    caption = "Validation accuracy and loss after each epoch. The ring is the best epoch."
    return Plot(as_markup(picture, alt), alt, caption)


def _letters(recalls: dict[str, dict[str, float | None]], notes: list[str]) -> Table:
    names = list(recalls)
    columns = [Column("Letter")]
    columns += [Column(name, group="Read right", numeric=True) for name in names]
    if len(names) > 1:
        columns.append(Column("Difference", numeric=True))
    rows = []
    for letter in STATIC_LETTERS:
        shares = [recalls[name][letter] for name in names]
        row = [letter, *(None if share is None else percent(share) for share in shares)]
        if len(names) > 1:
            row.append(_difference(shares))
        rows.append(row)
    if len(names) == 2:
        notes = [*notes, f"Difference: {names[1]} less {names[0]}, percentage points."]
    elif len(names) > 2:
        notes = [*notes, "Difference: the best less the worst, percentage points."]
    return make_table("Each letter", columns, rows, notes)


def _difference(shares: Sequence[float | None]) -> str | None:
    known = [share for share in shares if share is not None]
    if len(known) < 2:
        return None
    if len(shares) == 2:
        return points(known[1] - known[0])
    return points(max(known) - min(known)).lstrip("+")
