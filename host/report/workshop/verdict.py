"""What the curves of a training say, in words: fits too closely, too loosely, enough, not yet ...

Rules of thumb for classifying letters, applied in the order of `judge_history`. Training images may
be augmented and pass through dropout, so a validation accuracy above the training's is no fault.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from host.report.wording import join, percent, plural, points
from host.report.workshop.history import checked_history

TOO_SHORT = "too short to say"
TOO_HIGH = "learning rate too high"
TOO_LOW = "learning rate too low"
OVERFITTING = "overfitting"
UNDERFITTING = "underfitting"
IMPROVING = "still improving"
CONVERGED = "converged"

_FEWEST_EPOCHS = 3
_GUESSING = 0.10  # accuracy; one letter in 24 is 4 %
_GAP = 0.05  # training accuracy above validation accuracy
_WIDE_GAP = 0.10  # overfitting even while it still improves
_GOOD = 0.90  # accuracy
_LARGE_RATE = 0.02  # no optimizer here creeps at such a one
_DONE = 0.995  # accuracy; what is left are single images
_LOSS_JUMP, _ACCURACY_DROP = 1.20, 0.03  # of one step, both at once
_LOSS_RISE = 1.15, 0.025  # validation loss above its lowest: times, and by a share of the first


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What a history says.

    Attributes:
        kind: One of the names above.
        headline: The same as a sentence.
        numbers: The numbers that say so, one sentence each.
        advice: What to change, one sentence.
    """

    kind: str
    headline: str
    numbers: tuple[str, ...]
    advice: str

    def as_json(self) -> dict[str, Any]:
        """Return what json.dumps takes."""
        return {**dataclasses.asdict(self), "numbers": list(self.numbers)}

    def as_text(self) -> str:
        """Return everything as one line."""
        return " ".join((self.headline, *self.numbers, self.advice))


class _Curves:
    """A history as arrays, and the few numbers that the rules ask for."""

    def __init__(self, history: dict[str, list[float]], best_epoch: int, rate: float) -> None:
        self.loss, self.accuracy, self.val_loss, self.val_accuracy = (
            np.array(history[name]) for name in ("loss", "accuracy", "val_loss", "val_accuracy")
        )
        self.epochs = len(self.loss)
        self.best = best_epoch
        self.rate = rate
        place = max(best_epoch, 1) - 1
        self.gap = float(self.accuracy[place] - self.val_accuracy[place])
        self.top = float(self.val_accuracy.max())

    def falling(self) -> float:
        """Return the share of steps in which the training loss fell."""
        return float(np.mean(np.diff(self.loss) < 0))

    def at_best(self) -> str:
        """Return both accuracies at the best epoch as a sentence."""
        place = max(self.best, 1) - 1
        return (
            f"In epoch {place + 1} of {self.epochs} the training accuracy is"
            f" {percent(self.accuracy[place])} and the validation accuracy"
            f" {percent(self.val_accuracy[place])}."
        )


def judge_training(
    history: dict[str, list[float]], best_epoch: int, facts: dict[str, Any]
) -> Verdict:
    """Return what the curves of a training's last stage say: stages before had other images.

    Args:
        history: As judge_history takes it, of all stages.
        best_epoch: 1-based; 0 if no epoch was better than the start.
        facts: The content of train.json.

    Raises:
        ModelError: If a list is missing, empty or of another length.
    """
    before = facts.get("epochs_before")
    if not isinstance(before, int) or not 0 < before < best_epoch:
        return judge_history(history, best_epoch, _learning_rate(facts, last=False))
    last = {name: values[before:] for name, values in history.items() if isinstance(values, list)}
    found = judge_history(last, best_epoch - before, _learning_rate(facts, last=True))
    advice = found.advice
    if "--epochs" in advice:
        advice += " With --start and this model: --epochs alone leaves the later stages out."
    return dataclasses.replace(found, headline=f"Last stage: {found.headline}", advice=advice)


def _learning_rate(facts: dict[str, Any], last: bool) -> float:
    """Return the rate of the first stage or of the last one; a common one if train.json is damaged."""
    try:
        config = facts["config"]
        return float((config["later"][-1] if last else config)["learning_rate"])
    except (KeyError, IndexError, TypeError, ValueError):
        return 1e-3


def judge_history(
    history: dict[str, list[float]], best_epoch: int, learning_rate: float
) -> Verdict:
    """Return what the curves say.

    Args:
        history: loss, accuracy, val_loss, val_accuracy: one value per epoch.
        best_epoch: 1-based; 0 if no epoch was better than the start.
        learning_rate: At the start of the training.

    Raises:
        ModelError: If a list is missing, empty or of another length.
    """
    lists, best = checked_history(history, best_epoch, "the training")
    curves = _Curves(lists, best, learning_rate)
    if (found := _not_finite(curves)) is not None:
        return found
    if curves.epochs < _FEWEST_EPOCHS:
        return _too_short(curves)
    for rule in (
        _guessing,
        _diverged,
        _overfitting,
        _oscillating,
        _slow,
        _improving,
        _underfitting,
    ):
        if (found := rule(curves)) is not None:
            return found
    return _converged(curves)


def _not_finite(curves: _Curves) -> Verdict | None:
    bad = [
        f"the {name} is {values[place]} in epoch {place + 1}"
        for name, values in (("training loss", curves.loss), ("validation loss", curves.val_loss))
        if len(places := np.flatnonzero(~np.isfinite(values)))
        for place in places[:1]
    ]
    accuracies = np.concatenate([curves.accuracy, curves.val_accuracy])
    if not bad and not np.isfinite(accuracies).all():
        bad = ["an accuracy is no number"]
    if not bad:
        return None
    text = join(bad)
    return Verdict(
        TOO_HIGH,
        "Diverged: the learning rate is too high.",
        (f"{text[0].upper()}{text[1:]}.",),
        f"Train again with --learning-rate {_rate(curves.rate / 10)}.",
    )


def _too_short(curves: _Curves) -> Verdict:
    return Verdict(
        TOO_SHORT,
        f"Too short to say: {plural(curves.epochs, 'epoch')}.",
        (curves.at_best(),),
        f"Train for at least {_FEWEST_EPOCHS} epochs; curves begin to say something at about 10.",
    )


def _guessing(curves: _Curves) -> Verdict | None:
    """Never better than guessing: steps too small to get anywhere, or too large to stay anywhere."""
    if max(curves.top, float(curves.accuracy.max())) >= _GUESSING:
        return None
    numbers = (
        f"After {curves.epochs} epochs the validation accuracy is at most {percent(curves.top)};"
        f" guessing gives {percent(1 / 24)}.",
        f"The training loss went from {curves.loss[0]:.3g} to {curves.loss[-1]:.3g}.",
    )
    creeps = curves.falling() >= 0.8 and 0.8 * curves.loss[0] < curves.loss[-1] < curves.loss[0]
    if (creeps and curves.rate < _LARGE_RATE) or curves.rate <= 1e-5:
        return Verdict(
            TOO_LOW,
            "Hardly learning: the learning rate is too low.",
            numbers,
            f"Train again with --learning-rate {_rate(curves.rate * 10)}.",
        )
    return Verdict(
        TOO_HIGH,
        "Not learning: the learning rate is too high.",
        numbers,
        f"Train again with --learning-rate {_rate(curves.rate / 10)}; if that changes nothing,"
        " look whether the labels belong to the images.",
    )


def _diverged(curves: _Curves) -> Verdict | None:
    lowest, last = int(curves.loss.argmin()), float(curves.loss[-1])
    low = float(curves.loss[lowest])
    fell = float(curves.accuracy.max() - curves.accuracy[-1])
    if last < 1.5 * low or last < low + 0.15 * curves.loss[0] or fell < 0.1:
        return None
    return Verdict(
        TOO_HIGH,
        "Diverged: the learning rate is too high.",
        (
            f"The training loss fell to {low:.3g} in epoch {lowest + 1} and rose to {last:.3g};"
            f" the training accuracy is {percent(curves.accuracy[-1])}"
            f" after {percent(curves.accuracy.max())}.",
        ),
        f"Train again with --learning-rate {_rate(curves.rate / 10)}.",
    )


def _oscillating(curves: _Curves) -> Verdict | None:
    first = curves.epochs // 3  # the first epochs may jump
    loss, accuracy = curves.val_loss[first:], curves.val_accuracy[first:]
    jumps = (loss[1:] > _LOSS_JUMP * loss[:-1]) & (np.diff(accuracy) < -_ACCURACY_DROP)
    if jumps.sum() < max(2, 0.2 * len(jumps)):
        return None
    worst = int(np.diff(accuracy).argmin())
    epoch = first + worst + 2
    return Verdict(
        TOO_HIGH,
        "Oscillating: the learning rate is too high.",
        (
            f"The validation loss jumped up {jumps.sum()} times in the last {len(jumps)} steps.",
            f"The deepest fall is in epoch {epoch}: validation accuracy {percent(accuracy[worst])}"
            f" before, {percent(accuracy[worst + 1])} after.",
        ),
        f"Train again with --learning-rate {_rate(curves.rate / 3)}, or larger batches.",
    )


def _overfitting(curves: _Curves) -> Verdict | None:
    gap = _GAP if _gain(curves) is None else _WIDE_GAP
    rise = _loss_rise(curves)
    if curves.gap < gap and rise is None:
        return None
    numbers = [curves.at_best()]
    if curves.gap >= gap:
        numbers.append(f"That is a gap of {points(curves.gap).lstrip('+')} percentage points.")
    if rise is not None:
        numbers.append(rise)
    return Verdict(
        OVERFITTING,
        "Overfitting: it learns the training images more than the letters.",
        tuple(numbers),
        "Use more varied images, more augmentation or more dropout; fewer epochs help if the"
        " validation loss only rises at the end.",
    )


def _loss_rise(curves: _Curves) -> str | None:
    """Return how the validation loss rose while the training loss fell; None if it did not."""
    lowest = int(curves.val_loss.argmin())
    after = curves.val_loss[lowest + 1 :]
    if not len(after) or curves.loss[-1] >= curves.loss[lowest]:
        return None
    low, end = float(curves.val_loss[lowest]), float(np.median(after[-3:]))
    if end < _LOSS_RISE[0] * low or end < low + _LOSS_RISE[1] * curves.val_loss[0]:
        return None
    if len(after) < 3 and curves.epochs > 5:
        return None  # one or two epochs may be chance
    return (
        f"The validation loss rose from {low:.3g} in epoch {lowest + 1} to {end:.3g} at the end,"
        f" while the training loss fell from {curves.loss[lowest]:.3g} to {curves.loss[-1]:.3g}."
    )


def _slow(curves: _Curves) -> Verdict | None:
    """Every epoch is a little better than the one before, and all together not by much."""
    crawls = curves.epochs > _FEWEST_EPOCHS and curves.loss[-1] > 0.5 * curves.loss[0]
    if not crawls or curves.top >= 0.8 or curves.falling() < 0.9 or curves.rate > 1e-3:
        return None
    if curves.loss[-1] > 0.99 * curves.loss[-2]:
        return None  # it has stopped falling
    return Verdict(
        TOO_LOW,
        "Learning slowly: the learning rate is too low.",
        (
            f"The training loss fell in {percent(curves.falling())} of the steps, but in"
            f" {curves.epochs} epochs only from {curves.loss[0]:.3g} to {curves.loss[-1]:.3g};"
            f" the validation accuracy is {percent(curves.top)}.",
        ),
        f"Train again with --learning-rate {_rate(curves.rate * 10)}.",
    )


def _gain(curves: _Curves) -> str | None:
    """Return what the last fifth of the epochs gained; None if it is too little to go on for."""
    if curves.top >= _DONE:
        return None
    window = max(1, curves.epochs // 5)
    loss_before, loss_after = curves.val_loss[:-window].min(), curves.val_loss[-window:].min()
    before, after = curves.val_accuracy[:-window].max(), curves.val_accuracy[-window:].max()
    if loss_after >= 0.97 * loss_before and after <= before + 0.005:
        return None
    last = "epoch" if window == 1 else f"{window} epochs"
    return (
        f"In the last {last} the lowest validation loss went from {loss_before:.3g} to"
        f" {min(loss_after, loss_before):.3g} and the best validation accuracy from"
        f" {percent(before)} to {percent(max(after, before))}."
    )


def _improving(curves: _Curves) -> Verdict | None:
    gain = _gain(curves)
    if gain is None:
        return None
    return Verdict(
        IMPROVING,
        "Still improving: stopped too early.",
        (curves.at_best(), gain),
        f"Train for more epochs: --epochs {math.ceil(curves.epochs * 1.5)} or more.",
    )


def _underfitting(curves: _Curves) -> Verdict | None:
    if curves.top >= _GOOD:
        return None
    return Verdict(
        UNDERFITTING,
        "Underfitting: it does not even learn the training images.",
        (curves.at_best(), "Neither became better in the last fifth of the epochs."),
        "Use a larger network, less augmentation or dropout, or a higher --learning-rate than"
        f" {_rate(curves.rate)}.",
    )


def _converged(curves: _Curves) -> Verdict:
    numbers = [curves.at_best()]
    if curves.top < _DONE:
        numbers.append("Neither became much better in the last fifth of the epochs.")
    unused = curves.epochs - curves.best
    if curves.top >= _DONE:
        advice = "Nothing needs to change; test it on people whose photos it was not trained on."
    else:
        advice = "More epochs will not help; more varied images or a larger network may."
    if 0 < curves.best < curves.epochs / 2 and unused > 2:
        advice = advice[:-1] + f", and --epochs {curves.best + 2} would have been enough."
    return Verdict(CONVERGED, "Converged: it learned what it can.", tuple(numbers), advice)


def _rate(value: float) -> str:
    return f"{value:.1g}"
