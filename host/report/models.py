"""Model folders as the report reads them: the manifest, and metrics and history where they exist.

Must not import TensorFlow. Source: target/schemas/model.schema.json.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from host.report.read_json import read_json
from target.errors import ModelError
from target.manifest import NAME, load_manifest
from target.schema import find_fault

_log = logging.getLogger(__name__)
_COUNT = {"type": "integer", "minimum": 0}
_CURVE = {"type": "array", "minItems": 1, "items": {"type": "number"}}
_CURVES = ("loss", "accuracy", "val_loss", "val_accuracy")
_RIGHT = {"n": {"type": "integer", "minimum": 1}, "float_correct": _COUNT, "int8_correct": _COUNT}
_METRICS = {
    "type": "object",
    "required": [*_RIGHT, "model_sha256"],
    "properties": {
        **_RIGHT,
        "model_sha256": {"type": "object"},
        "letters": {"type": "string"},
        "per_letter": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": list(_RIGHT),
                "properties": _RIGHT,
            },
        },
        "confusion": {"type": "array", "items": {"type": "array", "items": _COUNT}},
    },
}
_HISTORY = {
    "type": "object",
    "required": ["history", "best_epoch"],
    "properties": {
        "history": {
            "type": "object",
            "required": list(_CURVES),
            "properties": dict.fromkeys(_CURVES, _CURVE),
        },
        "best_epoch": {"type": "integer", "minimum": 1},
    },
}


@dataclasses.dataclass(frozen=True)
class Accuracy:
    """How often a model is right.

    Attributes:
        float_share: Before quantization, 0 to 1.
        int8_share: As compiled, 0 to 1.
        dataset: Name of the images, or None if only metrics.json knows the numbers.
        n: Number of images.
    """

    float_share: float
    int8_share: float
    dataset: str | None
    n: int


@dataclasses.dataclass(frozen=True)
class ModelFolder:
    """What a model folder says.

    Attributes:
        manifest: model.json, valid by its schema.
        metrics: metrics.json, or None.
        history: history.json, or None.
    """

    manifest: dict[str, Any]
    metrics: dict[str, Any] | None
    history: dict[str, Any] | None

    @property
    def name(self) -> str:
        """The model's name."""
        return str(self.manifest["name"])

    @property
    def sha256(self) -> str:
        """Of the compiled model."""
        return str(self.manifest["files"]["xmodel"]["sha256"])

    @property
    def accuracy(self) -> Accuracy | None:
        """From the counts of metrics.json where it exists, else from the manifest."""
        stated = self.manifest["accuracy"]
        dataset = str(stated["dataset"]) if stated else None
        if self.metrics:
            n = int(self.metrics["n"])
            right = (self.metrics["float_correct"] / n, self.metrics["int8_correct"] / n)
            return Accuracy(*right, dataset, n)
        if stated:
            return Accuracy(stated["float"], stated["int8"], dataset, int(stated["n"]))
        return None


def read_model(folder: Path) -> ModelFolder:
    """Read a model folder.

    Args:
        folder: Holds model.json, and perhaps metrics.json and history.json.

    Raises:
        ModelError: If one of them is not what it must be.
    """
    path = folder / NAME if folder.is_dir() else folder
    read_json(path, ModelError, "manifest", "run make compile")  # stricter than the board's reader
    manifest = load_manifest(folder)
    _check_shares(manifest.content, folder)
    metrics = _read_optional(manifest.folder / "metrics.json", _METRICS, "python -m host evaluate")
    history = _read_optional(manifest.folder / "history.json", _HISTORY, "make train")
    if metrics and not _is_of(metrics, manifest.content):
        _log.warning(
            "%s/metrics.json is of another build and left out; run make evaluate", manifest.folder
        )
        metrics = None
    if metrics:
        _check_metrics(metrics, manifest.folder / "metrics.json")
    if history:
        _check_history(history, manifest.folder / "history.json")
    return ModelFolder(manifest.content, metrics, history)


def _is_of(metrics: dict[str, Any], manifest: dict[str, Any]) -> bool:
    """Say whether metrics were counted with the files that the manifest names."""
    counted = metrics["model_sha256"]
    files = manifest["files"]
    return all(
        counted.get(role) == files[role]["sha256"] for role in ("xmodel", "float") if role in files
    )


def _read_optional(path: Path, schema: dict[str, Any], command: str) -> dict[str, Any] | None:
    if not path.exists():
        return None
    remedy = f"run {command} again"
    document = read_json(path, ModelError, path.name, remedy)
    fault = find_fault(document, schema)
    if fault:
        raise ModelError(f"{fault} in {path}; {remedy}")
    return dict(document)


def _check_shares(manifest: dict[str, Any], folder: Path) -> None:
    for name in ("float", "int8"):
        share = manifest["accuracy"][name] if manifest["accuracy"] else 0
        if not 0 <= share <= 1:
            raise ModelError(f"accuracy.{name} must be from 0 to 1, got {share} in {folder}")


def _check_metrics(metrics: dict[str, Any], path: Path) -> None:
    for where, counts in [("all", metrics), *metrics.get("per_letter", {}).items()]:
        for name in ("float_correct", "int8_correct"):
            if counts[name] > counts["n"]:
                raise ModelError(
                    f"{name} of {where} must be at most {counts['n']}, got {counts[name]}"
                    f" in {path}; run python -m host evaluate again"
                )
    if "confusion" not in metrics:
        return
    size = len(metrics.get("letters", ""))
    widths: Sequence[int] = [len(row) for row in metrics["confusion"]]
    if not size or len(widths) != size or set(widths) != {size}:
        raise ModelError(
            f"confusion must have one row and one column per letter, got {len(widths)} rows"
            f" for {size} letters in {path}; run python -m host evaluate again"
        )


def _check_history(history: dict[str, Any], path: Path) -> None:
    lengths = {len(history["history"][name]) for name in _CURVES}
    if len(lengths) != 1 or history["best_epoch"] > max(lengths):
        raise ModelError(
            "history must have one value per epoch in every curve and a best epoch among them,"
            f" got {sorted(lengths)} values and best epoch {history['best_epoch']} in {path};"
            " run make train again"
        )
