"""What each runner answered on every image: accuracy, the DPU's codes, the float model's letters.

Must not import TensorFlow.
"""

from __future__ import annotations

from collections.abc import Sequence

from host.report.document import Cell, Column, Folded, Table, make_table
from host.report.runs import Run
from host.report.wording import count, percent, plain, plural


def agreement_table(runs: Sequence[Run]) -> Table | None:
    """Return the answers of benchmark runs beside those of the float model; None if unknown."""
    checked = [
        run for run in runs if run.record.get("agreement") or run.record.get("codes_identical")
    ]
    if not checked:
        return None
    columns = [Column("runner"), Column("model"), Column("kind"), Column("images of")]
    columns += [Column(title, numeric=True) for title in ("images", "right")]
    columns += [Column("as the float model", numeric=True), Column("other letters", numeric=True)]
    columns += [Column("codes of the DPU", missing="not promised")]
    return make_table(
        "Answers of every runner, checked before it was timed",
        columns,
        [_row(run) for run in checked],
    )


def _row(run: Run) -> list[Cell]:
    record = run.record
    agreement, identical = record.get("agreement"), record.get("codes_identical")
    same = agreement["agree"] / agreement["images"] if agreement and agreement["images"] else None
    return [
        run.name,
        run.model,
        run.kind,
        plain(record["dataset"]) if record.get("dataset") else None,
        count(record.get("images", record["frames"])),
        None if record["accuracy"] is None else percent(record["accuracy"]),
        None if same is None else percent(same),
        count(agreement["images"] - agreement["agree"]) if agreement else None,
        None if identical is None else ("identical" if identical else "different"),
    ]


def disagreements(runs: Sequence[Run]) -> list[Folded]:
    """Return every image on which a runner's letter is not the float model's, one block a runner."""
    blocks = []
    for run in runs:
        agreement = run.record.get("agreement")
        found = agreement["disagreements"] if agreement else []
        if not found:
            continue
        listed = ", ".join(
            f"{plain(item.get('image'))} {plain(item.get('float'))}→{plain(item.get('runner'))}"
            + (f" (is {plain(item['truth'])})" if item.get("truth") else "")
            for item in found
        )
        title = (
            f"{run.name}, {run.model}: another letter than the float model on"
            f" {plural(len(found), 'image')}"
        )
        blocks.append(Folded(title, f"Image, float→runner (truth): {listed}."))
    return blocks
