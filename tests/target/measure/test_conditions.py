"""Every reason to distrust a measurement is provoked on a tree of files that looks like a machine's."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from target.measure import conditions
from target.measure.conditions import Machine, Snapshot, describe_conditions, find_disturbances
from tests.target.stand_ins import FakeMachine

QUIET = Snapshot(
    steady_s=100.0,
    wall_s=5000.0,
    busy_s=40.0,
    stolen_s=0.0,
    own_s=10.0,
    throttled=3,
    clock_share=1.0,
    governor="performance",
    cores=2,
)
# Ten seconds later, one of two processors busy with the measurement.
LATER = dataclasses.replace(QUIET, steady_s=110.0, wall_s=5010.0, busy_s=50.0, own_s=20.0)


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    return FakeMachine(tmp_path)


def test_a_quiet_machine_is_no_disturbance() -> None:
    assert find_disturbances(QUIET, LATER) == []
    assert describe_conditions(QUIET, LATER) == {"own": 0.5, "others": 0.0, "stolen": 0.0}


# 20 processor seconds passed; 0.04 s (four ticks) of them do not count.
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {"busy_s": 54.04},
            ["load on the machine: other programs took 20% of its processors' time"],
        ),
        (
            {"stolen_s": 1.04},
            ["load on the machine: its hypervisor gave 5% of the processors away"],
        ),
        ({"throttled": 5}, ["throttled: heat or power slowed processors down, counters rose by 2"]),
        ({"clock_share": 0.5}, ["throttled: the processor ran at 50% of its highest clock"]),
        (
            {"clock_share": 0.5, "governor": "powersave"},
            ["governor must be performance, got powersave"],
        ),
        ({"governor": "schedutil"}, ["governor must be performance, got schedutil"]),
        ({"wall_s": 5012.5}, ["clock jumped: by +2.50 s during the run"]),
        ({"wall_s": 1410.0}, ["clock jumped: by -3600.00 s during the run"]),
        (
            {"busy_s": 60.04, "governor": "ondemand", "wall_s": 5011.0},
            [
                "load on the machine: other programs took 50% of its processors' time",
                "governor must be performance, got ondemand",
                "clock jumped: by +1.00 s during the run",
            ],
        ),
    ],
    ids=[
        *("load", "steal", "throttle-counter", "low-clock", "low-clock-not-asked-for", "governor"),
        *("clock-forward", "clock-back", "several"),
    ],
)
def test_find_disturbances_gives_the_reason(changes: dict[str, Any], why: list[str]) -> None:
    assert conditions._TICKS == 100
    assert find_disturbances(QUIET, dataclasses.replace(LATER, **changes)) == why


@pytest.mark.parametrize(
    "changes",
    [
        {"busy_s": 51.9},  # 9.3 %
        {"stolen_s": 0.4},  # 1.8 %
        {"throttled": 3},
        {"clock_share": 0.9},
        {"wall_s": 5010.04},
        {"busy_s": 49.0},  # the kernel's ticks and the process's own do not agree exactly
    ],
    ids=["load", "steal", "throttled-before", "clock", "time-daemon", "own-more-than-all"],
)
def test_find_disturbances_lets_a_little_pass(changes: dict[str, Any]) -> None:
    assert find_disturbances(QUIET, dataclasses.replace(LATER, **changes)) == []


def test_what_a_machine_does_not_tell_is_not_judged() -> None:
    unknown = dict.fromkeys(("busy_s", "stolen_s", "throttled", "clock_share", "governor"))
    before, after = (dataclasses.replace(shot, **unknown) for shot in (QUIET, LATER))
    assert find_disturbances(before, after) == []
    assert describe_conditions(before, after) == {"own": 0.5, "others": None, "stolen": None}


def test_no_time_between_two_snapshots_says_nothing() -> None:
    assert find_disturbances(QUIET, QUIET) == []
    assert describe_conditions(QUIET, QUIET) == dict.fromkeys(("own", "others", "stolen"))


def test_snapshot_reads_the_machine(machine: FakeMachine) -> None:
    machine.load(user=5000, steal=250)
    shot = Machine(machine.root).snapshot()
    # user 5000, nice 10, system 300, irq 5, softirq 6; not idle, waiting and stolen.
    assert (shot.busy_s, shot.stolen_s) == (53.21, 2.5)
    assert (shot.throttled, shot.clock_share, shot.governor) == (6, 1.0, "performance")
    assert shot.cores == os.cpu_count()


@pytest.mark.parametrize(
    "stat", ["", "intr 5\n", "cpu  1 2 3 4 5 6 7\n", "cpu\n"], ids=["none", "else", "old", "bare"]
)
def test_snapshot_of_a_machine_that_tells_nothing(stat: str, tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "stat").write_text(stat)
    shot = Machine(tmp_path).snapshot()
    found = (shot.busy_s, shot.stolen_s, shot.throttled, shot.clock_share, shot.governor)
    assert found == (None,) * 5


def test_one_processor_with_another_governor_is_enough(machine: FakeMachine) -> None:
    machine.cpu(1, "cpufreq/scaling_governor", "powersave")
    assert Machine(machine.root).snapshot().governor == "powersave"


def test_throttling_of_cores_and_packages_is_counted(machine: FakeMachine) -> None:
    before = Machine(machine.root).snapshot()
    machine.cpu(1, "thermal_throttle/core_throttle_count", 4)
    machine.cpu(0, "thermal_throttle/package_throttle_count", 0)
    assert find_disturbances(before, Machine(machine.root).snapshot()) == [
        "throttled: heat or power slowed processors down, counters rose by 1"
    ]


def test_a_clock_below_its_highest_under_performance_is_throttled(machine: FakeMachine) -> None:
    before = Machine(machine.root).snapshot()
    for cpu in (0, 1):
        machine.cpu(cpu, "cpufreq/scaling_cur_freq", 600000)
    assert find_disturbances(before, Machine(machine.root).snapshot()) == [
        "throttled: the processor ran at 50% of its highest clock"
    ]


@pytest.mark.parametrize(
    ("files", "share"),
    [
        # An idle core is slow also under performance; the one that runs this program is not.
        ({(0, "scaling_cur_freq"): 800000}, 1.0),
        # All cores at work never reach the turbo clock of one: the base clock is what is promised.
        (
            {
                (0, "scaling_cur_freq"): 3000000,
                (0, "cpuinfo_max_freq"): 4500000,
                (0, "base_frequency"): 2500000,
                (1, "scaling_cur_freq"): 800000,
            },
            1.2,
        ),
        ({(0, "scaling_cur_freq"): "<unknown>", (1, "scaling_cur_freq"): 300000}, 0.25),
    ],
    ids=["idle-core", "turbo", "unknown"],
)
def test_clock_share_is_that_of_the_processor_at_work(
    files: dict[tuple[int, str], object], share: float, machine: FakeMachine
) -> None:
    for (cpu, file), content in files.items():
        machine.cpu(cpu, f"cpufreq/{file}", content)
    assert Machine(machine.root).snapshot().clock_share == share


_SPIN = "print('spinning', flush=True)\nwhile True: pass"


def test_a_busy_program_beside_the_measurement_is_seen() -> None:
    if Machine().snapshot().busy_s is None:
        pytest.skip("no /proc/stat on this system")
    children = [  # 20 % of the processors, at least one
        subprocess.Popen([sys.executable, "-c", _SPIN], stdout=subprocess.PIPE)
        for _ in range(max(1, -(-(os.cpu_count() or 1) // 5)))
    ]
    try:
        for child in children:
            assert child.stdout is not None and child.stdout.readline() == b"spinning\n"
        before = Machine().snapshot()
        time.sleep(0.6)
        why = find_disturbances(before, Machine().snapshot())
    finally:
        for child in children:
            child.kill()
            child.communicate()
    assert any(reason.startswith("load on the machine: ") for reason in why)
