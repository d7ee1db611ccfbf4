"""Summaries of samples: percentiles as MLPerf's LoadGen takes them, sorted[int(n * p)]."""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence

PERCENTILES = {"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99, "p99_9": 0.999}


def summarize_ms(samples_s: Sequence[float]) -> Optional[Dict[str, float]]:
    """Summarize durations.

    Args:
        samples_s: Durations in seconds, any order.

    Returns:
        min, mean, p50, p90, p95, p99, p99_9, max in milliseconds; None if there are no samples.
    """
    if not len(samples_s):
        return None
    ordered = sorted(samples_s)
    count = len(ordered)
    summary = {"min": ordered[0], "mean": sum(ordered) / count}
    for name, share in PERCENTILES.items():
        summary[name] = ordered[min(int(count * share), count - 1)]
    summary["max"] = ordered[-1]
    return {name: round(value * 1000, 6) for name, value in summary.items()}


def quantiles_ms(samples_s: Sequence[float], steps: int = 200) -> List[float]:
    """Return the distribution of durations: `steps` + 1 quantiles in milliseconds, least to most."""
    ordered = sorted(samples_s)
    count = len(ordered)
    if not count:
        return []
    places = (min(int(count * step / steps), count - 1) for step in range(steps + 1))
    return [round(ordered[place] * 1000, 6) for place in places]
