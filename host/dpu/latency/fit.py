"""Fits the latency model to published rows, and says how far it is off networks it was not fitted to.

Least squares on logarithms of times, with what is known of each parameter beforehand as further
observations, so that a few networks cannot pull one anywhere. A network's rows for one board and
ISA count as one, however many releases repeat them.
"""

from __future__ import annotations

import collections
import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from host.dpu.latency.boards import Release, find_board, find_release
from host.dpu.latency.layers import Workload
from host.dpu.latency.parameters import PRIORS, Parameters
from host.dpu.latency.predict import Prediction, predict
from host.dpu.latency.published import Row

FITTED_BOARDS = ("zcu104", "kv260")
_SPREAD = 0.04  # of a published time beside what the model explains
_UNLIMITED = 1e9
_STEP = 1e-5
_MOST_STEPS = 60

WorkloadOf = Callable[[Row, Release], Workload]


@dataclasses.dataclass(frozen=True)
class RowError:
    """How far a prediction is off a published row; 0.1 is 10 % too slow."""

    row: Row
    single: float
    multi: float | None


def fit(rows: Sequence[Row], workload_of: WorkloadOf) -> Parameters:
    """Return the parameters that explain the rows best.

    Args:
        rows: With one thread of the ZCU104 and the KV260, and with all threads of the KV260, whose
            one core they keep busy; all cores of the others tell the memory's bandwidth.
        workload_of: Gives the layers of a row's network as a release computes them.
    """
    single = [row for row in rows if row.board in FITTED_BOARDS]
    names = list(PRIORS)
    priors = np.array([PRIORS[name].log for name in names])
    spreads = np.array([PRIORS[name].spread for name in names])

    def residuals(logs: np.ndarray) -> np.ndarray:
        parameters = _parameters(names, logs)
        return np.concatenate(
            [_residuals(single, workload_of, parameters), (logs - priors) / spreads]
        )

    found = _parameters(names, _least_squares(residuals, priors))
    return dataclasses.replace(found, memory_gb_s=_fit_memory(rows, workload_of, found))


def _parameters(names: list[str], logs: np.ndarray) -> Parameters:
    values = {name: math.exp(value) for name, value in zip(names, logs)}
    return Parameters(**values, memory_gb_s=_UNLIMITED)


def _residuals(rows: Sequence[Row], workload_of: WorkloadOf, parameters: Parameters) -> list[float]:
    cells = collections.Counter(_cell(row) for row in rows)
    predictor = _Predictor(workload_of, parameters)
    found = []
    for row in rows:
        weight = 1 / (math.sqrt(cells[_cell(row)]) * _SPREAD)
        prediction = predictor(row)
        found.append(weight * math.log(prediction.latency_ms / row.single_ms))
        if row.board == "kv260" and row.multi_fps:
            found.append(weight * math.log(prediction.dpu_ms * row.multi_fps / 1000))
    return found


def _cell(row: Row) -> tuple[Any, ...]:
    return row.model, row.board, find_release(row.release).isa


class _Predictor:
    """Predicts rows, each network, board and kind of release once."""

    def __init__(self, workload_of: WorkloadOf, parameters: Parameters) -> None:
        self._workload_of = workload_of
        self._parameters = parameters
        self._known: dict[tuple[Any, ...], Prediction] = {}

    def __call__(self, row: Row) -> Prediction:
        board, release = find_board(row.board), find_release(row.release)
        key = (row.model, row.board, release.isa, release.fuses_eltwise, release.name == "1.0")
        if key not in self._known:
            workload = self._workload_of(row, release)
            self._known[key] = predict(workload, board, release, self._parameters)
        return self._known[key]


def _least_squares(residuals: Callable[[np.ndarray], np.ndarray], start: np.ndarray) -> np.ndarray:
    """Levenberg's and Marquardt's method with differences for derivatives."""
    at, damping = start.copy(), 1e-3
    values = residuals(at)
    for _ in range(_MOST_STEPS):
        slopes = [(residuals(at + _STEP * axis) - values) / _STEP for axis in np.eye(len(at))]
        jacobian = np.array(slopes).T
        while damping < 1e8:
            normal = jacobian.T @ jacobian + damping * np.eye(len(at))
            step = np.linalg.solve(normal, -jacobian.T @ values)
            moved = residuals(at + step)
            if moved @ moved < values @ values:
                break
            damping *= 5
        else:
            return at
        at, values, damping = at + step, moved, max(damping / 5, 1e-9)
        if float(np.abs(step).max()) < 1e-7:
            return at
    return at


def _fit_memory(rows: Sequence[Row], workload_of: WorkloadOf, known: Parameters) -> float:
    """Return the bandwidth of all cores together that explains the throughput of boards with several."""
    several = [row for row in rows if find_board(row.board).cores > 1 and row.multi_fps]
    if not several:
        return _UNLIMITED
    best = (math.inf, _UNLIMITED)
    for tenths in range(60, 240, 2):
        candidate = dataclasses.replace(known, memory_gb_s=tenths / 10)
        predictor = _Predictor(workload_of, candidate)
        off = [math.log(predictor(row).fps_multi_thread / (row.multi_fps or 1)) for row in several]
        best = min(best, (float(np.mean(np.abs(off))), tenths / 10))
    return best[1]


def errors_of(
    rows: Sequence[Row], workload_of: WorkloadOf, parameters: Parameters
) -> list[RowError]:
    """Return how far the model is off each row."""
    predictor = _Predictor(workload_of, parameters)
    found = []
    for row in rows:
        prediction = predictor(row)
        multi = prediction.fps_multi_thread
        found.append(
            RowError(
                row,
                prediction.latency_ms / row.single_ms - 1,
                row.multi_fps / multi - 1 if row.multi_fps else None,
            )
        )
    return found


def leave_one_out(rows: Sequence[Row], workload_of: WorkloadOf) -> list[RowError]:
    """Return how far the model is off each row when its network is not in the fit."""
    found: list[RowError] = []
    for network in dict.fromkeys(row.network for row in rows):
        others = [row for row in rows if row.network != network]
        own = [row for row in rows if row.network == network]
        found += errors_of(own, workload_of, fit(others, workload_of))
    return found


def summarize(errors: Sequence[float]) -> dict[str, float | int]:
    """Return rows, median, p90 and max of absolute relative errors, and the median with its sign."""
    absolute = np.abs(np.array(errors))
    return {
        "rows": len(errors),
        "median": round(float(np.median(absolute)), 4),
        "p90": round(float(np.quantile(absolute, 0.9)), 4),
        "max": round(float(absolute.max()), 4),
        "bias": round(float(np.median(errors)), 4),
    }
