from __future__ import annotations

import random

import pytest

from target.measure.percentiles import PERCENTILES, summarize_ms


def test_no_samples_have_no_summary() -> None:
    assert summarize_ms([]) is None


def test_one_sample_is_everything() -> None:
    assert summarize_ms([0.002]) == dict.fromkeys(
        ("min", "mean", "p50", "p90", "p95", "p99", "p99_9", "max"), 2.0
    )


def test_summary_by_hand() -> None:
    # 0..9 ms: sorted[int(10 * p)]: 5, 9, 9, 9, 9
    samples = [i / 1000 for i in range(10)]
    random.Random(1).shuffle(samples)
    assert summarize_ms(samples) == {
        "min": 0.0, "mean": 4.5, "p50": 5.0, "p90": 9.0, "p95": 9.0, "p99": 9.0, "p99_9": 9.0,
        "max": 9.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (2, {"p50": 1, "p90": 1}),
        (100, {"p50": 50, "p90": 90, "p95": 95, "p99": 99, "p99_9": 99}),
        (1000, {"p50": 500, "p90": 900, "p95": 950, "p99": 990, "p99_9": 999}),
        (64, {"p90": 57, "p95": 60}),  # 57.6, 60.8
        (662, {"p99": 655}),  # 655.38
    ],
)
def test_percentile_is_the_sample_at_int_n_p(count: int, expected: dict[str, int]) -> None:
    summary = summarize_ms([i / 1000 for i in range(count)])
    assert summary is not None
    assert {name: summary[name] for name in expected} == expected


@pytest.mark.parametrize("count", [1, 7, 64, 999, 1001])
def test_percentiles_rise(count: int) -> None:
    generator = random.Random(count)
    summary = summarize_ms([generator.random() for _ in range(count)])
    assert summary is not None
    values = [summary[name] for name in ("min", *PERCENTILES, "max")]
    assert values == sorted(values)
    assert summary["min"] <= summary["mean"] <= summary["max"]
