"""The shape that every history of a training has: four lists, one value per epoch."""

from __future__ import annotations

from typing import Any

from target.errors import ModelError

METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")


def checked_history(
    history: Any, best_epoch: Any, where: str
) -> tuple[dict[str, list[float]], int]:
    """Return the four lists of a history as floats, and its best epoch.

    Args:
        history: Lists by metric; values may be NaN or infinite, other keys are left out.
        best_epoch: 1-based; 0 if no epoch was better than the start.
        where: Named by the message.

    Raises:
        ModelError: If a list is missing, empty, of another length, or holds what is no number.
    """
    remedy = "train the model again"
    if not isinstance(history, dict):
        raise ModelError(
            f"history must be lists by metric, got {_kind(history)} in {where}; {remedy}"
        )
    lists: dict[str, list[float]] = {}
    for name in METRICS:
        values = history.get(name)
        if not isinstance(values, list) or not values or not all(map(is_number, values)):
            raise ModelError(
                f"history's {name} must be a number per epoch, got {_kind(values)} in {where}; {remedy}"
            )
        lists[name] = [float(value) for value in values]
    lengths = {name: len(values) for name, values in lists.items()}
    if len(set(lengths.values())) > 1:
        raise ModelError(f"history must be of one length, got {lengths} in {where}; {remedy}")
    epochs = lengths["loss"]
    whole = isinstance(best_epoch, int) and not isinstance(best_epoch, bool)
    if not whole or not 0 <= best_epoch <= epochs:
        raise ModelError(f"best epoch must be 0-{epochs}, got {best_epoch!r} in {where}; {remedy}")
    return lists, best_epoch


def is_number(value: Any) -> bool:
    """Say whether a value of a JSON file is a number that fits into a float."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return isinstance(value, float) or abs(value) < 2**63


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    return (
        f"{type(value).__name__} of {len(value)}" if isinstance(value, list) else repr(value)[:60]
    )
