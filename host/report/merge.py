"""Run records of several files and model folders become one report's content.

Must not import TensorFlow. Source: target/schemas/record.schema.json.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from host.report.models import ModelFolder, read_model
from host.report.read_json import read_json
from target.errors import DataError
from target.measure.record import read_records

TITLE = "Sign-language letters on the ZCU104's DPU"
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Report:
    """What a report is made from.

    Attributes:
        title: Heading of the page.
        created: ISO date and time in UTC.
        records: Valid by target/schemas/record.schema.json, no two equal.
        models: One per model folder.
    """

    title: str
    created: str
    records: list[dict[str, Any]]
    models: list[ModelFolder]

    def as_json(self) -> dict[str, Any]:
        """Return the content of report.json; `report` reads it again as a file of records."""
        return {
            "title": self.title,
            "created": self.created,
            "records": self.records,
            "models": [dataclasses.asdict(model) for model in self.models],
        }


def merge(title: str, record_files: Sequence[Path], model_folders: Sequence[Path]) -> Report:
    """Read everything a report needs.

    Args:
        title: Heading of the page.
        record_files: Each holds one record, or {"records": [...]}.
        model_folders: Each holds model.json.

    Raises:
        DataError: If a file holds no valid records, or all of them together none.
        ModelError: If a model folder is not what it must be.
    """
    records: list[dict[str, Any]] = []
    for path in record_files:
        document = read_json(path, DataError, "record file", "run make bench")
        records += read_records(document, str(path))
    if not records:
        names = ", ".join(str(path) for path in record_files)
        raise DataError(f"records must hold at least one run, got none in {names}; run make bench")
    models = {(model.name, model.sha256): model for model in map(read_model, model_folders)}
    created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return Report(title, created, _without_copies(records), list(models.values()))


def _without_copies(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    unique = {json.dumps(record, sort_keys=True): record for record in records}
    if len(unique) < len(records):
        _log.info("left out %d records that were given twice", len(records) - len(unique))
    return list(unique.values())
