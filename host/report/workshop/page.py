"""The workshop page of one training: pictures as PNG files, and all of them in one HTML page.

The page loads nothing and needs no script: pictures are inside. Must not import TensorFlow.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from host.report.document import (
    Block,
    Bullets,
    Column,
    Document,
    Heading,
    Paragraph,
    Plot,
    Section,
    Table,
    make_table,
)
from host.report.html import render_html
from host.report.wording import join, percent, plural
from host.report.workshop.confusion import draw_confusion
from host.report.workshop.curves import plot_history
from host.report.workshop.facts import facts_table
from host.report.workshop.history import checked_history
from host.report.workshop.mistakes import confidence, draw_mistakes, worst_mistakes
from host.report.workshop.pairs import MOST_PAIRS, NONE, draw_pairs
from host.report.workshop.pictures import as_markup, style
from host.report.workshop.readings import Readings, read_scores
from host.report.workshop.verdict import Verdict, judge_training
from target import files
from target.text.labels import STATIC_LABELS, letter_of

_LISTED = 12  # pairs in the table and the summary
_MUCH_WORSE = 0.05  # accuracy, below that of the validation
_OFTEN = 0.15  # of all answers: one letter swallows others
_MATRIX_REM = 27.0  # narrower than this its letters cannot be read


def write_workshop(
    out: Path,
    title: str,
    facts: dict[str, Any],
    history: dict[str, list[float]] | None,
    best_epoch: int,
    images: np.ndarray,
    labels: np.ndarray,
    scores: np.ndarray,
    what: str,
) -> dict[str, Any]:
    """Write out/workshop: curves.png, confusion.png, pairs.png, mistakes.png and page.html.

    Everything is made before the first file gets its name. Without a history there is no curves.png,
    and one of an earlier run is removed.

    Args:
        out: Model folder.
        title: Of the page, such as the network's name.
        facts: The content of train.json.
        history: loss, accuracy, val_loss, val_accuracy: one value per epoch; None if unknown.
        best_epoch: 1-based; not looked at without a history.
        images: uint8 (n, h, w).
        labels: Integers (n,), label values 0-24 without 9.
        scores: Probabilities of these images, float (n, 25).
        what: Names the images, such as `validation: 2,860 images of photos not trained on`.

    Returns:
        What json.dumps takes: page, what, n, accuracy, wrong, recall by letter (None without
        images), confused (the most confused pairs), verdict (None without a history).

    Raises:
        DataError: If there is no image, or images, labels and scores do not belong together.
        ModelError: If the history is damaged.
        OutputError: If the folder cannot be written.
    """
    readings = read_scores(images, labels, scores)
    verdict = None
    if history is not None:
        history, best_epoch = checked_history(history, best_epoch, title)
        verdict = judge_training(history, best_epoch, facts)
    folder = out / "workshop"
    with contextlib.ExitStack() as stack:
        places = {
            name: stack.enter_context(files.replacing(folder / name))
            for name in ("page.html", "confusion.png", "pairs.png", "mistakes.png")
        }
        with style():
            draw_confusion(readings.counts, places["confusion.png"])
            draw_pairs(readings, places["pairs.png"])
            draw_mistakes(readings, places["mistakes.png"])
            if history is not None:
                places["curves.png"] = stack.enter_context(files.replacing(folder / "curves.png"))
                _draw_curves(history, best_epoch, title, places["curves.png"])
        document = _document(title, facts, verdict, readings, what, places)
        places["page.html"].write_text(render_html(document), encoding="utf-8")
    if history is None:
        (folder / "curves.png").unlink(missing_ok=True)
    return _summary(folder / "page.html", readings, verdict, what)


def _draw_curves(history: dict[str, list[float]], best: int, title: str, path: Path) -> None:
    finite = {
        name: [value if math.isfinite(value) else math.nan for value in values]
        for name, values in history.items()
    }
    plot_history(finite, best, title, path, stacked=True)


def _summary(page: Path, readings: Readings, verdict: Verdict | None, what: str) -> dict[str, Any]:
    return {
        "page": str(page),
        "what": what,
        "n": len(readings.labels),
        "accuracy": readings.accuracy,
        "wrong": int((~readings.right).sum()),
        "recall": readings.recall(),
        "confused": [pair.as_json() for pair in readings.pairs()[:_LISTED]],
        "verdict": verdict and verdict.as_json(),
    }


def _document(
    title: str,
    facts: dict[str, Any],
    verdict: Verdict | None,
    readings: Readings,
    what: str,
    places: dict[str, Path],
) -> Document:
    sections = [Section("summary", "Verdict", tuple(_verdict(verdict, facts, readings, what)))]
    if verdict is not None:
        sections.append(Section("curves", "Curves", (_curves(verdict, places["curves.png"]),)))
    sections += [
        Section("letters", "Letters", tuple(_letters(readings, places["confusion.png"]))),
        Section("pairs", "Most confused pairs", tuple(_pairs(readings, places["pairs.png"]))),
        Section("mistakes", "Worst mistakes", (_mistakes(readings, places["mistakes.png"]),)),
        Section("facts", "Training", (facts_table(facts),)),
    ]
    return Document(f"{title}: training workshop", what, tuple(sections))


def _verdict(
    verdict: Verdict | None, facts: dict[str, Any], readings: Readings, what: str
) -> list[Block]:
    blocks: list[Block] = []
    if verdict is not None:
        numbers = verdict.numbers + _doubts(facts)
        blocks += [
            Heading("What the curves say"),
            Paragraph(verdict.headline),
            Bullets(numbers),
            Paragraph(f"Advice: {verdict.advice}"),
        ]
    return [
        *blocks,
        Heading("What the images say"),
        Bullets(tuple(_findings(readings, facts, what))),
    ]


def _doubts(facts: dict[str, Any]) -> tuple[str, ...]:
    data, config = facts.get("data"), facts.get("config")
    leaked = data.get("rows_leaked") if isinstance(data, dict) else None
    rule = str(config.get("validation")) if isinstance(config, dict) else ""
    remedy = "--validation photo:0.1 keeps whole photos apart."
    if isinstance(leaked, int) and leaked > 0:
        return (
            f"Of the validation rows {leaked:,} show a photo or a signer that was trained on, so the"
            f" validation flatters; {remedy}",
        )
    if leaked is None and rule.startswith(("tail:", "random:")):
        return (
            "The validation rows may show the same photos as the training rows, and then the"
            f" validation flatters; {remedy}",
        )
    return ()


def _findings(readings: Readings, facts: dict[str, Any], what: str) -> Iterator[str]:
    """Yield a sentence on each thing that a reader should know of these images."""
    wrong, n = int((~readings.right).sum()), len(readings.labels)
    mistakes = f"{plural(wrong, 'mistake')}" if wrong else "no mistake"
    yield f"Read right: {percent(readings.accuracy)}, {mistakes} among {plural(n, 'image')} ({what})."
    validation = facts.get("validation")
    reached = validation.get("accuracy") if isinstance(validation, dict) else None
    if isinstance(reached, float) and reached - readings.accuracy > _MUCH_WORSE:
        yield (
            f"That is less than the {percent(reached)} of the validation: the training images"
            " lack whatever is different about these."
        )
    for place, label in enumerate(STATIC_LABELS):
        answered, shown = (int(readings.counts.sum(axis=axis)[place]) for axis in (0, 1))
        if answered > 3 * shown and answered > _OFTEN * n:
            letter = letter_of(label)
            yield f"{letter} was the answer for {answered:,} images; {shown:,} of them all show it."
    missing = [letter for letter, recall in readings.recall().items() if recall is None]
    if missing:
        yield f"No image of {join(missing)}: nothing is said about them here."


def _curves(verdict: Verdict, path: Path) -> Plot:
    alt = f"Loss and accuracy of training and validation after each epoch. {verdict.as_text()}"
    caption = (
        "Training images may be augmented and pass through dropout: a validation accuracy above"
        " the training's is no fault. A training accuracy far above the validation's is."
    )
    return Plot(as_markup(path, alt), alt, caption)


def _letters(readings: Readings, path: Path) -> list[Block]:
    pairs = readings.pairs()
    worst = join([f"{pair.name} {plural(pair.times, 'time')}" for pair in pairs[:3]])
    found = f"Most frequent: {worst}." if pairs else NONE
    alt = f"Confusion matrix, {plural(len(readings.labels), 'image')}. {found}"
    caption = (
        "Letters shown (rows) and what they were read as (columns), with the number of images."
        " Blue: right. Orange: wrong. The shade is the share of the row."
    )
    return [Plot(as_markup(path, alt, _MATRIX_REM), alt, caption), _letter_table(readings)]


def _letter_table(readings: Readings) -> Table:
    often = {pair.truth: pair for pair in reversed(readings.pairs())}  # the most frequent stays
    recall = readings.recall()
    rows = []
    for label, counts in zip(STATIC_LABELS, readings.counts):
        letter, pair = letter_of(label), often.get(label)
        share = recall[letter]
        rows.append(
            (
                letter,
                f"{counts.sum():,}",
                None if share is None else percent(share),
                f"{letter_of(pair.answer)}: {pair.share}" if pair else None,
            )
        )
    columns = (
        Column("Letter"),
        Column("Images", numeric=True),
        Column("Read right", numeric=True),
        Column("Most often read as"),
    )
    return make_table("Each letter", columns, rows)


def _pairs(readings: Readings, path: Path) -> list[Block]:
    pairs = readings.pairs()
    if not pairs:
        return [Paragraph(NONE)]
    names = join([f"{pair.name}: {pair.share}" for pair in pairs[:MOST_PAIRS]])
    alt = f"Images of the most confused pairs, wrong ones beside right ones. {names}."
    caption = "Left: read wrongly. Middle and right: what was read right of both letters."
    blocks: list[Block] = [Plot(as_markup(path, alt), alt, caption)]
    if len(pairs) > MOST_PAIRS:
        blocks.append(Heading("More pairs"))
        more = tuple(f"{pair.name}: {pair.share}" for pair in pairs[MOST_PAIRS:_LISTED])
        blocks.append(Bullets(more))
    return blocks


def _mistakes(readings: Readings, path: Path) -> Block:
    rows = worst_mistakes(readings)
    if not len(rows):
        return Paragraph(NONE)
    names = join(
        [
            f"{letter_of(readings.labels[row])} read as {letter_of(readings.answers[row])},"
            f" {confidence(readings, row)} sure"
            for row in rows[:5]
        ]
    )
    alt = f"The {len(rows)} wrong images with the most confident answers. First: {names}."
    return Plot(
        as_markup(path, alt),
        alt,
        "Wrong and most confident about it, worst first; at most four of a pair of letters if there"
        " are others. Look for wrong labels, cut-off hands and"
        " letters that look alike.",
    )
