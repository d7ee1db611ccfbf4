from __future__ import annotations

import functools
import json
import re
import sys
import threading
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from target.errors import BackendError, ModelError
from target.measure import bench as module
from target.measure import conditions
from target.measure.bench import bench, describe
from target.measure.energy import measure_energy
from target.measure.record import read_records
from target.measure.single_stream import LEAST_QUERIES, BenchConfig
from target.runners.null import NullRunner
from target.schema import load_schema
from tests.target.measure.test_nvml import FakeNvml
from tests.target.stand_ins import MANIFEST, FakeMachine, StandIn, codes_for, reference_of

OUTPUTS = [0, 1, 2, 3]
REFERENCE = reference_of(OUTPUTS)
QUICK = BenchConfig(queries=1024, duration_s=0, warmup=2, energy=False)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    """A quiet machine on which a quick measurement is long enough."""
    monkeypatch.setattr(module, "LEAST_S", 0.0)
    monkeypatch.setattr(module, "measure_energy", functools.partial(measure_energy, **_SHORT))
    return FakeMachine(tmp_path)


_SHORT = {"idle_s": 0.05, "busy_s": 0.05}


class Disturbed(StandIn):
    """Does something to the machine at its 100th image, long after the accuracy run."""

    def __init__(self, disturb: Callable[[], None]) -> None:
        super().__init__(codes_for(OUTPUTS))
        self._disturb = disturb

    def execute(self) -> None:
        super().execute()
        if len(self.asked) == 100:
            self._disturb()


def _nothing() -> None:
    pass


def _bench(
    machine: FakeMachine, disturb: Callable[[], None] = _nothing, config: BenchConfig = QUICK
) -> dict[str, Any]:
    record = bench(lambda: Disturbed(disturb), MANIFEST, REFERENCE, config, machine.root)
    Draft202012Validator(load_schema("record")).validate(record)
    assert read_records(json.loads(json.dumps(record)), "x") == [record]
    return record


def test_bench_of_a_quiet_machine_is_valid(tmp_path: Path) -> None:
    config = BenchConfig(queries=1024, duration_s=1.0, warmup=7, energy=False)
    record = _bench(FakeMachine(tmp_path), config=config)
    assert (record["valid"], record["why"]) == (True, [])
    assert record["task"] == "bench" and record["kind"] == "measured"
    assert (record["runner"], record["device"]) == ("stand-in", "a table of answers")
    assert record["model"] == {"name": "signnet", "sha256": "0" * 64}
    assert record["frames"] >= 1024 and record["warmup"] == 7 and record["duration_s"] >= 1.0
    assert (record["accuracy"], record["codes_identical"]) == (1.0, True)
    assert (record["dataset"], record["images"]) == ("made by a test", 4)
    assert record["distribution"]["stage"] == "inference"
    quantiles = record["distribution"]["quantiles_ms"]
    assert len(quantiles) == 201 and quantiles == sorted(quantiles)
    summary = record["stages"]["inference"]
    assert (quantiles[0], quantiles[100], quantiles[-1]) == (
        summary["min"],
        summary["p50"],
        summary["max"],
    )
    assert (record["throughput"], record["energy"], record["energy_mj_per_frame"]) == (
        [],
        None,
        None,
    )


def test_too_few_queries_are_invalid(machine: FakeMachine) -> None:
    assert LEAST_QUERIES == 1024
    record = _bench(machine, config=BenchConfig(1023, 0, 0, energy=False))
    assert (record["valid"], record["why"]) == (
        False,
        ["too few samples: 1023 of 1024 queries"],
    )
    few = _bench(machine, config=BenchConfig(10, 0, 0, energy=False))
    assert few["why"] == [
        "too few samples for p90: 10 of 64",
        "too few samples for p99: 10 of 662",
        "too few samples: 10 of 1024 queries",
    ]


def test_too_short_is_invalid(machine: FakeMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEAST_S", 3600.0)
    (why,) = _bench(machine)["why"]
    assert why.startswith("too short: ") and why.endswith(" of 3600.00 s")


def test_a_runner_that_reaches_a_million_queries_early_is_valid(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("target.measure.single_stream._MOST_QUERIES", 1024)
    record = _bench(machine, config=BenchConfig(1024, 3600, 0, energy=False))
    assert (record["valid"], record["frames"]) == (True, 1024)


def _slow_down(machine: FakeMachine) -> None:
    for cpu in (0, 1):
        machine.cpu(cpu, "cpufreq/scaling_cur_freq", 300000)


@pytest.mark.parametrize(
    ("disturb", "why"),
    [
        (
            lambda machine: machine.load(user=99000),
            "load on the machine: other programs took .*% of its processors' time",
        ),
        (
            lambda machine: machine.load(steal=9000),
            "load on the machine: its hypervisor gave .*% of the processors away",
        ),
        (
            lambda machine: machine.cpu(1, "thermal_throttle/core_throttle_count", 8),
            r"throttled: heat or power slowed processors down, counters rose by 5",
        ),
        (_slow_down, "throttled: the processor ran at 25% of its highest clock"),
        (
            lambda machine: machine.cpu(0, "cpufreq/scaling_governor", "ondemand"),
            "governor must be performance, got ondemand",
        ),
    ],
    ids=["load", "steal", "throttled", "slow-clock", "governor"],
)
def test_a_disturbance_during_the_queries_is_the_reason(
    disturb: Callable[[FakeMachine], None], why: str, machine: FakeMachine
) -> None:
    record = _bench(machine, lambda: disturb(machine))
    assert not record["valid"]
    (reason,) = record["why"]
    assert re.fullmatch(why, reason)


def test_a_clock_that_jumps_is_the_reason(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = [0.0]
    clock = types.SimpleNamespace(monotonic=time.monotonic, time=lambda: time.time() + ahead[0])
    monkeypatch.setattr(conditions, "time", clock)
    record = _bench(machine, lambda: ahead.__setitem__(0, -60.0))
    (why,) = record["why"]
    assert why.startswith("clock jumped: by -") and not record["valid"]


def test_what_happens_before_and_after_the_queries_is_no_reason(machine: FakeMachine) -> None:
    class Before(StandIn):
        def take(self) -> np.ndarray:
            if len(self.asked) == 1:  # in the accuracy run
                machine.load(user=99000)
            return super().take()

        def close(self) -> None:
            machine.cpu(0, "thermal_throttle/core_throttle_count", 99)
            super().close()

    record = bench(lambda: Before(codes_for(OUTPUTS)), MANIFEST, REFERENCE, QUICK, machine.root)
    assert record["why"] == []


def _wrong(promise: str) -> StandIn:
    answers = codes_for(OUTPUTS)
    if promise == "codes":
        answers[2, 7] ^= 1  # the letter stays
        return StandIn(answers)
    return StandIn(codes_for([0, 1, 2, 4]), promise)


@pytest.mark.parametrize(
    ("promise", "message"),
    [
        ("codes", "must give the DPU's codes on every image, got others on 1 of 4"),
        ("letters", "must give the float model's letter on at least 95% of 4 images, got 3"),
    ],
    ids=["codes", "letters"],
)
def test_a_wrong_model_is_refused_before_anything_is_timed(
    promise: str, message: str, machine: FakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered: list[str] = []
    for name in ("run_single_stream", "measure_throughput", "measure_energy", "find_counter"):
        monkeypatch.setattr(module, name, lambda *args, name=name, **kwargs: entered.append(name))
    runner = _wrong(promise)
    with pytest.raises(ModelError, match=f"{message}.*nothing was measured"):
        bench(lambda: runner, MANIFEST, REFERENCE, BenchConfig(threads=2), machine.root)
    assert entered == []
    assert runner.asked == [0, 1, 2, 3] and runner.closed == 1


def test_a_runner_that_fails_is_closed(machine: FakeMachine) -> None:
    def fail() -> None:
        raise BackendError("DPU must answer, got a time-out")

    runner = Disturbed(fail)
    with pytest.raises(BackendError, match="time-out"):
        bench(lambda: runner, MANIFEST, REFERENCE, QUICK, machine.root)
    assert runner.closed == 1


def test_throughput_has_runners_of_its_own_and_all_are_closed(machine: FakeMachine) -> None:
    made: list[StandIn] = []

    def make() -> StandIn:
        made.append(StandIn(codes_for(OUTPUTS)))
        return made[-1]

    config = BenchConfig(1024, 0, 0, threads=2, throughput_s=0.1, energy=False)
    record = bench(make, MANIFEST, REFERENCE, config, machine.root)
    assert [run["threads"] for run in record["throughput"]] == [1, 2]
    assert [runner.closed for runner in made] == [1, 1, 1, 1]  # single stream, 1 and 2 threads
    assert "    2 threads: " in describe(record)
    Draft202012Validator(load_schema("record")).validate(record)


WITH_ENERGY = BenchConfig(1024, 0, 0)


def test_energy_is_null_where_no_sensor_is(machine: FakeMachine) -> None:
    record = _bench(machine, config=WITH_ENERGY)
    assert (record["energy"], record["energy_mj_per_frame"]) == (None, None)
    assert "mJ" not in describe(record)


def test_energy_of_a_board_is_that_of_its_sensor(machine: FakeMachine) -> None:
    machine.hwmon(0, "ina226", power1_input=5000000)
    before = threading.active_count()
    record = _bench(machine, config=WITH_ENERGY)
    energy = record["energy"]
    assert energy["sensor"] == "board, ina226 through hwmon (1 rail)"
    assert (energy["idle_w"], energy["busy_w"]) == pytest.approx((5.0, 5.0), rel=0.3)
    assert record["energy_mj_per_frame"] == energy["mj_per_frame"]
    # The sensor always says the same: above rest there is the clock's noise, of either sign.
    above_j = max(energy["busy_w"] - energy["idle_w"], 0) * energy["seconds"]
    assert (energy["mj_per_frame"] or 0.0) == pytest.approx(
        1000 * above_j / energy["frames"], abs=1e-6 + 0.2 * energy["seconds"] / energy["frames"]
    )
    assert threading.active_count() == before
    assert "mJ a frame above rest (board, ina226 through hwmon (1 rail): 5.00 W" in describe(
        {**record, "energy_mj_per_frame": 0.1, "energy": {**energy, "idle_w": 5.0}}
    )


def test_energy_can_be_left_alone(machine: FakeMachine) -> None:
    machine.hwmon(0, "ina226", power1_input=5000000)
    assert _bench(machine, config=QUICK)["energy"] is None


def test_energy_of_an_emulation_is_that_of_the_processor_and_says_so(
    machine: FakeMachine,
) -> None:
    machine.rapl("intel-rapl:0", "package-0", 1000)
    runner = StandIn(codes_for(OUTPUTS))
    runner.kind = "emulated"
    record = bench(lambda: runner, MANIFEST, REFERENCE, WITH_ENERGY, machine.root)
    assert record["kind"] == "emulated"
    assert record["energy"]["sensor"] == "processor, RAPL (1 package)"


def test_energy_of_a_gpu_comes_from_nvml(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", library)

    class OnGpu(StandIn):
        device = "GPU NVIDIA H200, Keras on torch"

        def execute(self) -> None:
            library.total_mj += 3  # and nothing at rest

    record = bench(
        lambda: OnGpu(codes_for(OUTPUTS)), MANIFEST, REFERENCE, WITH_ENERGY, machine.root
    )
    assert record["energy"]["sensor"] == "GPU NVIDIA H200, NVML"
    assert record["energy"]["idle_w"] == 0.0
    assert record["energy_mj_per_frame"] == pytest.approx(3.0, rel=0.3)


def test_a_sensor_that_fails_does_not_cost_the_latencies(
    machine: FakeMachine, caplog: pytest.LogCaptureFixture
) -> None:
    machine.rapl("intel-rapl:0", "package-0", 1000)
    path = machine.root / "sys/class/powercap/intel-rapl:0/energy_uj"
    calls = [0]

    class Losing(StandIn):
        def execute(self) -> None:
            calls[0] += 1
            if calls[0] == 1024 + len(OUTPUTS) + 1:  # the first frame of the energy run
                path.unlink()

    record = bench(
        lambda: Losing(codes_for(OUTPUTS)), MANIFEST, REFERENCE, WITH_ENERGY, machine.root
    )
    assert (record["energy"], record["energy_mj_per_frame"]) == (None, None)
    assert record["frames"] == 1024 and "energy was not measured" in caplog.text


def test_bench_of_nothing_is_shown_as_overhead_not_as_a_result(machine: FakeMachine) -> None:
    record = bench(lambda: NullRunner(MANIFEST), MANIFEST, REFERENCE, QUICK, machine.root)
    Draft202012Validator(load_schema("record")).validate(record)
    assert (record["accuracy"], record["codes_identical"], record["agreement"]) == (None,) * 3
    text = describe(record)
    assert "null          the benchmark's own overhead: " in text
    inside_us = record["stages"]["inference"]["p90"] * 1000  # the report's headline too
    assert text.endswith(f" {inside_us:.2f} us (p90) inside the inference")
    assert not any(word in text for word in ("VALID", "measured", "fps", "accuracy"))


def _record(**changes: Any) -> dict[str, Any]:
    stage = dict.fromkeys(("p50", "p90", "p99"), 1.5)
    record = {
        "model": {"name": "signnet"},
        "runner": "litert-int8",
        "kind": "measured",
        "stages": {"inference": stage},
        "throughput_fps": 600.0,
        "valid": True,
        "why": [],
        "accuracy": 0.98,
        "energy_mj_per_frame": None,
    }
    return {**record, **changes}


def test_describe_names_the_verdict_and_every_reason() -> None:
    first, *others = describe(_record(valid=False, why=["too short", "governor"])).splitlines()
    assert first == (
        "signnet    litert-int8   measured  p50   1.500  p90   1.500  p99   1.500 ms"
        "      600 fps  accuracy 0.9800  INVALID"
    )
    assert others == ["    too short", "    governor"]
    assert describe(_record()).endswith("  VALID")
    assert "accuracy" not in describe(_record(accuracy=None))


def test_describe_shows_five_disagreements_and_counts_the_others() -> None:
    wrong = [{"image": i, "truth": "A", "float": "A", "runner": "B"} for i in range(7)]
    agreement = {"images": 60, "agree": 53, "disagreements": wrong}
    line = describe(_record(agreement=agreement)).splitlines()[1]
    assert line.startswith(
        "    other letter than the float model on 7 of 60 images: image 0: A -> B"
    )
    assert line.endswith("image 4: A -> B and 2 more")
    agreement["disagreements"] = wrong[:5]
    assert describe(_record(agreement=agreement)).endswith("image 4: A -> B")


def test_describe_shows_throughput_and_energy() -> None:
    throughput = [
        {"threads": 1, "in_flight": 1, "fps": 1234.5},
        {"threads": 2, "in_flight": 4, "fps": 2000.0},
    ]
    energy = {"sensor": "board, ina226", "idle_w": 8.0, "busy_w": 9.5}
    lines = describe(
        _record(throughput=throughput, energy_mj_per_frame=1.25, energy=energy)
    ).splitlines()
    assert lines[1:] == [
        "    1 thread: 1,234 frames/s",
        "    2 threads, 4 jobs in flight each: 2,000 frames/s",
        "    1.250 mJ a frame above rest (board, ina226: 8.00 W at rest, 9.50 W at work)",
    ]
