"""What the curves of a training say: a kind, its numbers and one advice."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.report.workshop.verdict import judge_history, judge_training
from target.errors import ModelError
from tests.host.report.workshops import HISTORY

NAN, INF = math.nan, math.inf


def _history(
    loss: list[float], accuracy: list[float], val_loss: list[float], val_accuracy: list[float]
) -> dict[str, list[float]]:
    return {
        "loss": loss,
        "accuracy": accuracy,
        "val_loss": val_loss,
        "val_accuracy": val_accuracy,
    }


# Each: history, learning rate, kind, what the numbers say, what the advice says.
VERDICTS: dict[str, tuple[dict[str, list[float]], float, str, str, str]] = {
    "one epoch": (_history([2.0], [0.4], [1.5], [0.5]), 1e-3, "too short to say", "50.00 %", "3"),
    "two epochs": (
        _history([2.0, 1.0], [0.4, 0.7], [1.5, 0.9], [0.5, 0.8]),
        1e-3,
        "too short to say",
        "epoch 2 of 2",
        "at least 3 epochs",
    ),
    "overfitting, gap": (
        _history(
            [2.0, 0.5, 0.1, 0.03, 0.01, 0.005],
            [0.4, 0.8, 0.97, 0.99, 1.0, 1.0],
            [1.5, 0.9, 0.8, 0.8, 0.8, 0.8],
            [0.5, 0.7, 0.75, 0.76, 0.76, 0.76],
        ),
        1e-3,
        "overfitting",
        "gap of 23.00 percentage points",
        "augmentation",
    ),
    "overfitting, loss rises": (
        _history(
            [2.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01],
            [0.4, 0.8, 0.92, 0.96, 0.98, 0.99, 1.0],
            [1.2, 0.5, 0.3, 0.35, 0.4, 0.5, 0.6],
            [0.5, 0.85, 0.95, 0.96, 0.96, 0.96, 0.95],
        ),
        1e-3,
        "overfitting",
        "rose from 0.3 in epoch 3 to 0.5",
        "dropout",
    ),
    "underfitting": (
        _history(
            [2.0, 1.5, 1.3, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2],
            [0.3, 0.5, 0.55, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6],
            [1.9, 1.5, 1.3, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2],
            [0.3, 0.5, 0.56, 0.61, 0.61, 0.61, 0.61, 0.61, 0.61, 0.61],
        ),
        1e-3,
        "underfitting",
        "61.00 %",
        "larger network",
    ),
    "converged": (
        _history(
            [2.0, 0.5, 0.2, 0.1, 0.09, 0.09],
            [0.4, 0.85, 0.93, 0.96, 0.96, 0.96],
            [1.2, 0.4, 0.2, 0.15, 0.15, 0.15],
            [0.6, 0.9, 0.95, 0.97, 0.97, 0.97],
        ),
        1e-3,
        "converged",
        "97.00 %",
        "More epochs will not help",
    ),
    "validation above training is no fault": (
        _history(
            [2.0, 0.9, 0.7, 0.65, 0.65],
            [0.3, 0.7, 0.8, 0.82, 0.82],
            [1.0, 0.2, 0.05, 0.02, 0.02],
            [0.8, 0.97, 0.99, 1.0, 1.0],
        ),
        1e-3,
        "converged",
        "82.00 %",
        "Nothing needs to change",
    ),
    "still improving": (
        _history(
            [2.0, 1.2, 0.8, 0.6, 0.5],
            [0.4, 0.6, 0.72, 0.8, 0.84],
            [1.8, 1.1, 0.75, 0.55, 0.45],
            [0.45, 0.63, 0.74, 0.82, 0.86],
        ),
        1e-3,
        "still improving",
        "from 82.00 % to 86.00 %",
        "--epochs 8",
    ),
    "not a number": (
        _history([2.0, 1.0, NAN], [0.4, 0.6, 0.04], [1.5, INF, NAN], [0.4, 0.5, 0.04]),
        1.0,
        "learning rate too high",
        "The training loss is nan in epoch 3 and the validation loss is inf in epoch 2.",
        "--learning-rate 0.1",
    ),
    "diverged": (
        _history(
            [2.0, 1.0, 0.6, 2.8, 3.2],
            [0.4, 0.7, 0.8, 0.2, 0.05],
            [1.5, 0.9, 0.7, 3.0, 3.2],
            [0.5, 0.7, 0.8, 0.1, 0.04],
        ),
        0.05,
        "learning rate too high",
        "fell to 0.6 in epoch 3 and rose to 3.2",
        "--learning-rate 0.005",
    ),
    "oscillating": (
        _history(
            [2.0, 1.2, 0.9, 0.8, 0.75, 0.7, 0.68, 0.66, 0.65],
            [0.4, 0.6, 0.7, 0.75, 0.77, 0.78, 0.79, 0.8, 0.8],
            [1.5, 0.9, 0.6, 1.6, 0.6, 1.4, 0.6, 1.5, 0.6],
            [0.5, 0.7, 0.8, 0.5, 0.8, 0.55, 0.8, 0.5, 0.8],
        ),
        0.03,
        "learning rate too high",
        "jumped up 2 times in the last 5 steps",
        "--learning-rate 0.01",
    ),
    "never better than guessing, rate high": (
        _history([9.0, 3.3, 3.4, 3.3], [0.04] * 4, [3.3, 3.3, 3.4, 3.3], [0.04] * 4),
        0.1,
        "learning rate too high",
        "guessing gives 4.17 %",
        "--learning-rate 0.01",
    ),
    "never better than guessing, rate low": (
        _history([3.22, 3.21, 3.2, 3.19], [0.04] * 4, [3.22, 3.21, 3.2, 3.19], [0.05] * 4),
        1e-7,
        "learning rate too low",
        "guessing gives 4.17 %",
        "--learning-rate 1e-06",
    ),
    "never better than guessing, creeping": (
        _history([3.22, 3.21, 3.2, 3.19], [0.04] * 4, [3.22, 3.21, 3.2, 3.19], [0.05] * 4),
        0.002,
        "learning rate too low",
        "from 3.22 to 3.19",
        "--learning-rate 0.02",
    ),
    "diverged, mean squared error": (
        _history(
            [0.038, 0.02, 0.01, 0.04, 0.05],
            [0.2, 0.7, 0.8, 0.2, 0.05],
            [0.03, 0.015, 0.01, 0.04, 0.05],
            [0.5, 0.7, 0.8, 0.1, 0.04],
        ),
        0.5,
        "learning rate too high",
        "fell to 0.01 in epoch 3 and rose to 0.05",
        "--learning-rate 0.05",
    ),
    "slow": (
        _history(
            [3.2, 3.0, 2.8, 2.6, 2.4],
            [0.1, 0.2, 0.3, 0.35, 0.4],
            [3.1, 2.9, 2.7, 2.5, 2.3],
            [0.15, 0.25, 0.3, 0.38, 0.43],
        ),
        1e-5,
        "learning rate too low",
        "only from 3.2 to 2.4",
        "--learning-rate 0.0001",
    ),
}


@pytest.mark.parametrize("case", VERDICTS.values(), ids=VERDICTS)
def test_verdict_names_the_kind_the_numbers_and_one_advice(
    case: tuple[dict[str, list[float]], float, str, str, str],
) -> None:
    history, rate, kind, numbers, advice = case
    best = 1 + int(np.argmax(np.nan_to_num(history["val_accuracy"], nan=0.0)))
    verdict = judge_history(history, best, rate)
    assert verdict.kind == kind
    assert numbers in " ".join(verdict.numbers)
    assert advice in verdict.advice
    assert verdict.advice.endswith(".") and verdict.headline.endswith(".")
    assert json.loads(json.dumps(verdict.as_json()))["kind"] == kind


@pytest.mark.parametrize(
    ("network", "kind"),
    # signnet's last stage draws photos that it reads more than the hands that it is validated on
    [("signnet", "overfitting"), ("tutorial", "converged")],
)
def test_verdicts_on_the_released_models(network: str, kind: str) -> None:
    folder = Path(__file__).resolve().parents[3] / "models" / network
    stored = json.loads((folder / "history.json").read_text())
    assert judge_history(stored["history"], stored["best_epoch"], 1e-3).kind == kind


def test_of_several_stages_the_last_one_is_judged() -> None:
    first = {
        "loss": [3.0, 2.0, 1.0, 0.5],
        "accuracy": [0.2, 0.5, 0.7, 0.9],
        "val_loss": [3.0, 2.0, 1.0, 0.5],
        "val_accuracy": [0.2, 0.5, 0.7, 0.9],
    }
    improving = {name: [*values, *values] for name, values in first.items()}
    facts = {"config": {"learning_rate": 1e-3, "later": [{"learning_rate": 0.5}]}}
    whole = judge_training(improving, 8, facts)
    last = judge_training(improving, 8, {**facts, "epochs_before": 4})
    alone = judge_history(first, 4, 0.5)
    assert last.kind == alone.kind and last.numbers == alone.numbers != whole.numbers
    assert last.headline == f"Last stage: {alone.headline}"
    assert ("--start" in last.advice) == ("--epochs" in alone.advice)
    for damaged in ({"epochs_before": "x"}, {"epochs_before": 99}, {"epochs_before": 4}):
        assert judge_training(improving, 8, damaged).kind


def test_best_epoch_may_be_the_start_itself() -> None:
    assert judge_history(HISTORY, 0, 1e-4).kind == "converged"


@pytest.mark.parametrize(
    ("history", "best", "text"),
    [
        ([], 1, "lists by metric"),
        ({**HISTORY, "val_loss": None}, 1, "val_loss must be a number per epoch, got nothing"),
        ({**HISTORY, "loss": []}, 1, "loss must be a number per epoch, got list of 0"),
        ({**HISTORY, "loss": [True] * 4}, 1, "loss must be a number per epoch"),
        ({**HISTORY, "loss": [1.0]}, 1, "of one length"),
        (HISTORY, 5, "best epoch must be 0-4, got 5"),
        (HISTORY, NAN, "best epoch must be 0-4, got nan"),
    ],
    ids=["list", "missing", "empty", "booleans", "lengths", "best", "best nan"],
)
def test_damaged_histories_are_refused(history: Any, best: Any, text: str) -> None:
    with pytest.raises(ModelError, match=text):
        judge_history(history, best, 1e-3)
