from __future__ import annotations

from target.measure.clock import StageClock


def test_clock_collects_by_stage() -> None:
    clock = StageClock()
    for seconds in (0.001, 0.003):
        clock.add("infer", seconds)
    clock.add("end_to_end", 0.01)
    assert clock.samples("infer") == [0.001, 0.003]
    assert clock.samples("capture") == []
    summaries = clock.summaries()
    assert list(summaries) == ["infer", "end_to_end"]
    assert summaries["infer"]["mean"] == 2.0
    assert summaries["end_to_end"]["p99"] == 10.0


def test_clock_counts_a_jump_backwards_as_zero() -> None:
    clock = StageClock()
    clock.add("capture", -5.0)
    assert clock.samples("capture") == [0.0]


def test_clock_without_samples_has_no_summaries() -> None:
    assert StageClock().summaries() == {}
