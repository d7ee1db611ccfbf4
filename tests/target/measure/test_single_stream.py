from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from target.errors import DataError
from target.measure import single_stream
from target.measure.single_stream import BenchConfig, run_single_stream
from tests.target.stand_ins import MANIFEST, StandIn, codes_for, reference_of

MS = 2.0**-10  # a millisecond that adds up exactly


class FakeTime:
    """The module time; its clock moves when somebody works, and `tick` at every look at it."""

    def __init__(self, tick: float = 0.0) -> None:
        self.now_s, self._tick = 1000.0, tick

    def perf_counter(self) -> float:
        self.now_s += self._tick
        return self.now_s


class Working(StandIn):
    """Takes 1, 2 and 3 ms to put, execute and take; the third query is ten times as long."""

    def __init__(self, clock: FakeTime, slow: int = -1) -> None:
        super().__init__(codes_for([0, 1, 2]))
        self._clock, self._slow = clock, slow

    def _work(self, ms: float) -> None:
        self._clock.now_s += ms * MS * (10 if len(self.asked) - 1 == self._slow else 1)

    def put(self, tensor: np.ndarray) -> None:
        super().put(tensor)
        self._work(1)

    def execute(self) -> None:
        self._work(2)

    def take(self) -> np.ndarray:
        self._work(3)
        return super().take()


def _slowed(make: Callable[..., Any], clock: FakeTime, ms: float) -> Any:
    """Return what makes a preprocessor or postprocessor that takes so long."""

    def make_slow(*args: Any) -> Callable[[np.ndarray], Any]:
        quick = make(*args)

        def slow(value: np.ndarray) -> Any:
            clock.now_s += ms * MS
            return quick(value)

        return slow

    return make_slow


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    made = FakeTime()
    monkeypatch.setattr(single_stream, "time", made)
    for name, ms in (("Preprocessor", 10), ("make_postprocessor", 20)):
        slowed = _slowed(getattr(single_stream, name), made, ms)
        monkeypatch.setattr(single_stream, name, slowed)
    return made


IMAGES = list(reference_of([0, 1, 2]).images)


def _medians(found: single_stream.SingleStream) -> dict[str, float]:
    return {name: value["p50"] / (MS * 1000) for name, value in found.clock.summaries().items()}


def test_every_stage_has_its_own_time_and_together_they_are_all(clock: FakeTime) -> None:
    config = BenchConfig(queries=4, duration_s=0, warmup=0)
    found = run_single_stream(Working(clock), MANIFEST, IMAGES, config)
    assert _medians(found) == pytest.approx(
        {
            "capture": 0,
            "preprocess": 10,
            "copy_in": 1,
            "infer": 2,
            "copy_out": 3,
            "postprocess": 20,
            "inference": 6,
            "end_to_end": 36,
        },
        abs=1e-6,
    )
    assert (found.queries, found.seconds, found.overhead_us) == (4, 4 * 36 * MS, 0.0)


def test_durations_are_in_the_order_of_the_queries(clock: FakeTime) -> None:
    config = BenchConfig(queries=4, duration_s=0, warmup=0)
    found = run_single_stream(Working(clock, slow=2), MANIFEST, IMAGES, config)
    assert found.clock.samples("infer") == [2 * MS, 2 * MS, 20 * MS, 2 * MS]
    assert found.clock.samples("inference") == [6 * MS, 6 * MS, 60 * MS, 6 * MS]
    assert found.clock.samples("end_to_end") == [36 * MS, 36 * MS, 90 * MS, 36 * MS]


@pytest.mark.parametrize(
    ("queries", "duration_s", "counted"),
    [(300, 0.0, 300), (300, 360 * MS, 300), (5, 360 * MS, 10), (1, 361 * MS, 11), (1, 0.0, 1)],
    ids=["queries", "queries-are-more", "duration-is-more", "last-one-ends", "one"],
)
def test_at_least_so_many_queries_and_so_long(
    queries: int, duration_s: float, counted: int, clock: FakeTime
) -> None:
    runner = Working(clock)
    found = run_single_stream(runner, MANIFEST, IMAGES, BenchConfig(queries, duration_s, 0))
    assert (found.queries, len(found.clock.samples("infer"))) == (counted, counted)
    assert len(runner.asked) == counted and found.seconds >= duration_s


def test_a_fast_runner_stops_at_a_million_queries(
    clock: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single_stream, "_MOST_QUERIES", 50)
    config = BenchConfig(queries=10, duration_s=1e6, warmup=0)
    assert run_single_stream(Working(clock), MANIFEST, IMAGES, config).queries == 50
    more = BenchConfig(queries=60, duration_s=1e6, warmup=0)
    assert run_single_stream(Working(clock), MANIFEST, IMAGES, more).queries == 60


def test_warm_up_is_not_counted(clock: FakeTime) -> None:
    runner = Working(clock, slow=2)  # among the first five
    config = BenchConfig(queries=4, duration_s=0, warmup=5)
    found = run_single_stream(runner, MANIFEST, IMAGES, config)
    assert len(runner.asked) == 9 and found.queries == 4
    assert found.clock.samples("infer") == [2 * MS] * 4
    assert found.seconds == 4 * 36 * MS


def test_images_come_one_after_the_other_again_and_again(clock: FakeTime) -> None:
    runner = Working(clock)
    run_single_stream(runner, MANIFEST, IMAGES, BenchConfig(7, 0, warmup=2))
    assert runner.asked == [0, 1] + [0, 1, 2, 0, 1, 2, 0]


def test_overhead_is_what_lies_outside_the_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single_stream, "time", FakeTime(tick=2.0**-10))
    runner = StandIn(codes_for([0, 1, 2]))
    found = run_single_stream(runner, MANIFEST, IMAGES, BenchConfig(10, 0, 0))
    # Seven looks at the clock a query, six of them end a stage; two more after the last query.
    assert found.seconds == 72 * 2.0**-10
    assert found.overhead_us == round((72 - 60) / 10 * 2.0**-10 * 1e6, 3)


def test_no_image_is_refused() -> None:
    with pytest.raises(DataError, match="benchmark must have at least one image, got none"):
        run_single_stream(StandIn(codes_for([0])), MANIFEST, [], BenchConfig())
