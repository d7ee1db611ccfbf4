"""Rows of published performance: what a board took for a network, as a table of AMD's model zoo says."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from host.dpu.latency.boards import BOARDS, RELEASES, find_board, find_release
from target.errors import DataError, ModelError

_KEYS = ("network", "model_zoo_name", "release", "board", "fps_1_thread", "fps_multi_thread")


@dataclasses.dataclass(frozen=True)
class Row:
    """One published row whose network can be built.

    Attributes:
        network: Variants of one network share it.
        application: Name in keras.applications, or None for a network of host.training.published.
        arguments: Of the application.
        input_hw: Height and width.
        gops: Published operations, 10**9, two a multiply-add.
        board: Of BOARDS.
        release: Of RELEASES.
        single_ms: One thread, from decoded picture to result.
        multi_fps: The best number of threads; None if not published.
    """

    network: str
    application: str | None
    arguments: str
    input_hw: tuple[int, int]
    gops: float
    board: str
    release: str
    single_ms: float
    multi_fps: float | None

    @property
    def model(self) -> tuple[str, str | None, str, tuple[int, int], float]:
        """Identify the layers: rows that share it differ in board and release alone."""
        slim = self.gops if self.application is None else 0.0
        return self.network, self.application, self.arguments, self.input_hw, slim


def read_rows(path: Path) -> tuple[list[Row], dict[str, int]]:
    """Read published rows; returns those that can be used, and how many not, by reason.

    Args:
        path: JSON list of objects with network, keras_application, keras_arguments, input_hw, gops,
            architecture_known, board, release, fps_1_thread, fps_multi_thread.

    Raises:
        DataError: If it is not such a list.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"published rows must be a JSON list, got '{error}' in {path}") from error
    if not isinstance(entries, list):
        raise DataError(
            f"published rows must be a JSON list, got {type(entries).__name__} in {path}"
        )
    rows: list[Row] = []
    excluded: dict[str, int] = {}
    for index, entry in enumerate(entries):
        missing = [key for key in _KEYS if key not in entry] if isinstance(entry, dict) else _KEYS
        if missing:
            raise DataError(
                f"row must have {', '.join(missing)}, got none in row {index} of {path}"
            )
        fault = _fault(entry)
        if fault:
            raise DataError(f"{fault} in row {index} of {path}")
        reason = _why_not(entry)
        if reason:
            excluded[reason] = excluded.get(reason, 0) + 1
        else:
            rows.append(_row(entry))
    return rows, excluded


def _fault(entry: dict[str, Any]) -> str:
    """Return which value of a row is of a wrong kind, or an empty text."""
    for key, (what, is_right) in _KINDS.items():
        value = entry.get(key)
        if not is_right(value):
            return f"{key} must be {what}, got {value!r}"
    if entry.get("input_hw") and not entry.get("keras_application") and not entry.get("gops"):
        return f"gops must be above 0 without a keras_application, got {entry.get('gops')}"
    return ""


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_rate(value: Any) -> bool:
    """Say whether a value is missing, 0 for that, or a number that a time can be made of."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value is None or (is_number and (value == 0 or _LEAST <= value <= _MOST))


def _is_size(value: Any) -> bool:
    if not isinstance(value, list):
        return value is None
    return len(value) in (0, 2) and all(type(side) is int and side > 0 for side in value)


_LEAST, _MOST = 1e-6, 1e9  # of frames a second, or of 10**9 operations
_KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(("network", "board", "release"), ("text", _is_text)),
    **dict.fromkeys(
        ("fps_1_thread", "fps_multi_thread", "gops"),
        (f"{_LEAST:g} to {_MOST:g}, 0 or null", _is_rate),
    ),
    "keras_application": ("text or null", lambda value: value is None or _is_text(value)),
    "keras_arguments": (
        "an object or null",
        lambda value: value is None or isinstance(value, dict),
    ),
    "input_hw": ("[height, width] or null", _is_size),
}


def _why_not(entry: dict[str, Any]) -> str:
    if not entry.get("input_hw"):
        return "input size not published"
    if not entry.get("architecture_known"):
        return "layers do not reproduce the published operations"
    if entry.get("pruned"):
        return "pruned"
    if entry["board"] not in BOARDS or entry["release"] not in RELEASES:
        return "board or release not modelled"
    return "" if entry["fps_1_thread"] else "no result with one thread"


def _row(entry: dict[str, Any]) -> Row:
    height, width = entry["input_hw"]
    return Row(
        entry["network"],
        entry.get("keras_application"),
        json.dumps(entry.get("keras_arguments") or {}, sort_keys=True),
        (int(height), int(width)),
        float(entry.get("gops") or 0),
        entry["board"],
        entry["release"],
        1000.0 / float(entry["fps_1_thread"]),
        float(entry["fps_multi_thread"]) if entry["fps_multi_thread"] else None,
    )


@dataclasses.dataclass(frozen=True)
class SmallRow:
    """One published run of a small network: runtime and DPU alone, images ready in memory, one thread.

    Attributes:
        network: Its name.
        input_shape: Height, width, channels.
        layers: As host.training.layer_list takes them.
        board: Of BOARDS.
        release: Of RELEASES.
        python: Whether the runtime was called from Python.
        ms: An image.
    """

    network: str
    input_shape: tuple[int, ...]
    layers: tuple[dict[str, Any], ...]
    board: str
    release: str
    python: bool
    ms: float


def read_small(path: Path) -> list[SmallRow]:
    """Read published small networks with their layers; only runs with one thread that read no files.

    Raises:
        DataError: If it is not a list of networks with input_shape, layers and measurements.
    """
    try:
        networks = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(networks, list):
            raise TypeError(type(networks).__name__)
        found = [
            SmallRow(
                network["network"],
                tuple(network["input_shape"]),
                tuple(network["layers"]),
                run["board"],
                run["release"],
                run["api"] == "Python",
                1000.0 / run["fps"],
            )
            for network in networks
            for run in network["measurements"]
            if run["threads"] == 1 and run["fps"] and "reading" not in run["what"]
        ]
        for row in found:
            find_board(row.board)
            find_release(row.release)
            if not 0 < row.ms < math.inf:
                raise ValueError(f"{row.ms} ms for {row.network}")
        return found
    except ModelError as error:
        raise DataError(f"{error} in {path}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"small networks must be a JSON list with layers and measurements, got '{error}' in {path}"
        ) from error
