"""Percentiles of a run that never ends: exact while short, half a per cent off when long, never larger."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from target.measure.durations import EXACT, Durations, StreamClock
from target.measure.percentiles import summarize_ms


def test_few_durations_are_exact() -> None:
    durations, values = Durations(), np.random.default_rng(1).lognormal(-6, 1, EXACT - 1)
    for value in values:
        durations.add(float(value))
    assert durations.summary_ms() == summarize_ms(values.tolist())


@pytest.mark.parametrize("spread", [0.01, 0.5, 3.0])
def test_many_durations_are_near(spread: float) -> None:
    durations, values = Durations(), np.random.default_rng(2).lognormal(-6, spread, 20_000)
    for value in values:
        durations.add(float(value))
    exact, found = summarize_ms(values.tolist()), durations.summary_ms()
    assert exact is not None and found is not None and found.keys() == exact.keys()
    for name, value in exact.items():
        assert found[name] == pytest.approx(
            value, rel=1e-6 if name in ("min", "mean", "max") else 0.006
        )


def test_memory_does_not_grow() -> None:
    durations = Durations()
    for _ in range(2 * EXACT):
        durations.add(0.001)
    tracemalloc.start()
    for index in range(50_000):
        durations.add(0.001 + 1e-9 * (index % 1000))
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 20_000 and durations.count == 50_000 + 2 * EXACT


@pytest.mark.parametrize("value", [-5.0, 0.0, 1e-12, 1e9])
def test_odd_durations_are_counted(value: float) -> None:
    durations = Durations()
    for _ in range(EXACT + 10):
        durations.add(value)
    summary = durations.summary_ms()
    assert (summary is not None and summary["min"] == max(1000 * value, 0.0)) or value < 1e-9


def test_nothing_is_none() -> None:
    assert Durations().summary_ms() is None and StreamClock().summaries() == {}


def test_stages_keep_their_order() -> None:
    clock = StreamClock()
    for stage in ("capture", "infer", "capture"):
        clock.add(stage, 0.002)
    assert list(clock.summaries()) == ["capture", "infer"]
    assert clock.summaries()["capture"]["p50"] == pytest.approx(2)
