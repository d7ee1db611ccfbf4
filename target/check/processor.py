"""The processors: governor, heat, other work."""

from __future__ import annotations

from typing import List

from target.check.board import Board
from target.check.finding import NOTE, WARNING, Finding, ok
from target.measure.conditions import Machine

NAME = "processor"
HOT_C = 85
_ALL_GOVERNORS = "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"


def check(board: Board) -> List[Finding]:
    """Look at what makes latencies long or uneven."""
    state = Machine(board.root).snapshot()
    findings = []
    if state.governor is None:
        findings.append(Finding(NAME, NOTE, "the processors' clock is not governed by Linux here"))
    elif state.governor != "performance":
        findings.append(
            Finding(
                NAME,
                WARNING,
                f"governor must be performance, got {state.governor}",
                "a processor that clocks down between frames adds milliseconds to many of them",
                f"echo performance | tee {_ALL_GOVERNORS}",
            )
        )
    else:
        findings.append(ok(NAME, "governor performance"))
    return findings + _heat(board) + _load(board, state.cores)


def _heat(board: Board) -> List[Finding]:
    zones = sorted((board.root / "sys/class/thermal").glob("thermal_zone*"))
    degrees = [board.number(f"sys/class/thermal/{zone.name}/temp") for zone in zones]
    hottest = max((value / 1000 for value in degrees if value is not None), default=None)
    if hottest is None or hottest < HOT_C:
        return []
    return [
        Finding(
            NAME,
            WARNING,
            f"the chip must be below {HOT_C} degrees Celsius, got {hottest:.0f}",
            "heat slows processors down and ages the board",
            "see that the fan turns and air gets in",
        )
    ]


def _load(board: Board, cores: int) -> List[Finding]:
    first = board.read("proc/loadavg").split()[:1]
    try:
        load = float(first[0])
    except (IndexError, ValueError):
        return []
    if load <= cores:
        return []
    return [
        Finding(
            NAME,
            WARNING,
            f"load must be at most {cores}, the number of processors, got {load:g}",
            "frames wait for a processor",
            "top -o %CPU shows what runs",
        )
    ]
