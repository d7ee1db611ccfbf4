"""Reading what a training left in its folder: train.json and history.json."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from host.report.workshop.history import checked_history, is_number
from host.report.workshop.verdict import Verdict, judge_training
from target.errors import ModelError

_REMEDY = "train one with python -m host train"


@dataclasses.dataclass(frozen=True)
class TrainedFolder:
    """A folder that a training wrote.

    Attributes:
        name: Short, and different from that of every other folder of the comparison.
        facts: The content of train.json.
        config: Of the training that made the history.
        history: loss, accuracy, val_loss, val_accuracy: one value per epoch.
        best_epoch: 1-based; 0 if no epoch was better than the start.
    """

    name: str
    facts: dict[str, Any]
    config: dict[str, Any]
    history: dict[str, list[float]]
    best_epoch: int

    @property
    def aware(self) -> dict[str, Any]:
        """What quantization-aware training recorded; empty if there was none."""
        found = self.facts.get("quantization_aware")
        return found if isinstance(found, dict) else {}

    def at_best(self, metric: str) -> float | None:
        """Return a metric of the best epoch; None if no epoch was better than the start."""
        return self.history[metric][self.best_epoch - 1] if self.best_epoch else None

    def verdict(self) -> Verdict:
        """Return what the history says."""
        return judge_training(self.history, self.best_epoch, self.facts)

    def validated_on(self) -> dict[str, Any]:
        """Return what decides on which rows it was validated."""
        rule = self.config.get("validation")
        data = self.facts["data"]
        return {
            "data": self.aware.get("data_sha256", data["sha256"]),
            "split": rule,
            # The last rows are the same ones whatever the seed.
            "seed": None if str(rule).startswith("tail:") else self.config.get("seed"),
            "rows": self.aware.get("rows_validated", data.get("rows_validated")),
        }


def read_trained(folder: Path, name: str) -> TrainedFolder:
    """Return what a training left in a folder.

    Args:
        folder: With train.json and history.json.
        name: To call it by.

    Raises:
        ModelError: If a file is missing or damaged.
    """
    facts = _read(folder / "train.json", "trained model folder")
    stored = _read(folder / "history.json", "trained model folder")
    history, best = checked_history(
        stored.get("history"), stored.get("best_epoch"), str(folder / "history.json")
    )
    aware = facts.get("quantization_aware")
    config = (aware if isinstance(aware, dict) else facts).get("config")
    data = facts.get("data")
    where = folder / "train.json"
    if not isinstance(config, dict) or not is_number(config.get("learning_rate")):
        raise ModelError(
            f"train.json must hold the config with its learning_rate, got {_short(config)}"
            f" in {where}; {_REMEDY}"
        )
    if not isinstance(data, dict) or not isinstance(data.get("sha256"), str):
        raise ModelError(
            f"train.json must hold the data with its sha256, got {_short(data)} in {where}; {_REMEDY}"
        )
    return TrainedFolder(name, facts, config, history, best)


def _read(path: Path, what: str) -> dict[str, Any]:
    """Return a JSON object; NaN is allowed, because a loss may be one."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(
            f"{what} must have a {path.name}, got none in {path.parent}; {_REMEDY}"
        ) from error
    except OSError as error:
        raise ModelError(
            f"{path.name} must be a readable file, got '{error.strerror}' at {path}; {_REMEDY}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path.name} must be JSON, got '{error}' in {path}; {_REMEDY}") from error
    if not isinstance(content, dict):
        raise ModelError(
            f"{path.name} must be an object, got {_short(content)} in {path}; {_REMEDY}"
        )
    return content


def _short(value: Any) -> str:
    return "nothing" if value is None else repr(value)[:60]
