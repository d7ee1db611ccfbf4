"""What spoils a measurement: other work on the machine, a slow or throttled processor, a clock that jumped.

Looked at before and after; nothing runs in between. Linux only; what a machine does not tell is not
judged.
"""

from __future__ import annotations

import dataclasses
import os
import time
from pathlib import Path
from typing import Dict, List, Optional

MOST_OTHERS = 0.10  # of all processors' time
MOST_STOLEN = 0.02
MOST_JUMP_S = 0.05
LEAST_CLOCK = 0.90  # of the highest
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_IDLE, _IOWAIT, _STEAL = 3, 4, 7  # columns of /proc/stat


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """The machine at one moment; None is what it does not tell.

    Attributes:
        steady_s: A clock that nobody sets.
        wall_s: The clock on the wall.
        busy_s: Of all processors, since they started.
        stolen_s: That a hypervisor gave to others.
        own_s: Of this process and its children.
        throttled: Times that any processor was slowed down because of heat or power.
        clock_share: Clock of the fastest processor (which runs this program; others may idle slowly),
            relative to its highest without turbo.
        governor: Of the processors' clock.
        cores: Number of processors.
    """

    steady_s: float
    wall_s: float
    busy_s: Optional[float]
    stolen_s: Optional[float]
    own_s: float
    throttled: Optional[int]
    clock_share: Optional[float]
    governor: Optional[str]
    cores: int


class Machine:
    """Reads the state of a Linux machine.

    Args:
        root: Where /proc and /sys are; another one in tests.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._cpus = root / "sys/devices/system/cpu"

    def snapshot(self) -> Snapshot:
        """Return the state now."""
        busy, stolen = self._processors()
        times = os.times()
        return Snapshot(
            steady_s=time.monotonic(),
            wall_s=time.time(),
            busy_s=busy,
            stolen_s=stolen,
            own_s=times.user + times.system + times.children_user + times.children_system,
            throttled=self._throttled(),
            clock_share=self._clock_share(),
            governor=self._governor(),
            cores=os.cpu_count() or 1,
        )

    def _processors(self) -> tuple[Optional[float], Optional[float]]:
        first = _read(self._root / "proc/stat").partition("\n")[0].split()
        if len(first) <= _STEAL + 1 or first[0] != "cpu":
            return None, None
        ticks = [int(value) for value in first[1 : _STEAL + 2]]
        busy = sum(ticks) - ticks[_IDLE] - ticks[_IOWAIT] - ticks[_STEAL]
        return busy / _TICKS, ticks[_STEAL] / _TICKS

    def _throttled(self) -> Optional[int]:
        counts = [
            _number(path) for path in self._cpus.glob("cpu[0-9]*/thermal_throttle/*_throttle_count")
        ]
        known = [count for count in counts if count is not None]
        return sum(known) if known else None

    def _clock_share(self) -> Optional[float]:
        shares = []
        for folder in self._cpus.glob("cpu[0-9]*/cpufreq"):
            now = _number(folder / "scaling_cur_freq")
            # A turbo clock is promised to nobody: where there is one, Intel names the base too.
            highest = _number(folder / "base_frequency") or _number(folder / "cpuinfo_max_freq")
            if now and highest:
                shares.append(now / highest)
        return max(shares) if shares else None

    def _governor(self) -> Optional[str]:
        found = {
            _read(path).strip() for path in self._cpus.glob("cpu[0-9]*/cpufreq/scaling_governor")
        }
        found.discard("")
        others = sorted(found - {"performance"})
        return others[0] if others else next(iter(found), None)


def find_disturbances(before: Snapshot, after: Snapshot) -> List[str]:
    """Return why what ran between two snapshots of a machine is not to be trusted; empty if it is."""
    why = []
    elapsed = after.steady_s - before.steady_s
    shares = _shares(before, after)
    if shares.get("others", 0) > MOST_OTHERS:
        why.append(
            f"load on the machine: other programs took {shares['others']:.0%} of its processors' time"
        )
    if shares.get("stolen", 0) > MOST_STOLEN:
        why.append(
            f"load on the machine: its hypervisor gave {shares['stolen']:.0%} of the processors away"
        )
    if before.throttled is not None and after.throttled is not None:
        times = after.throttled - before.throttled
        if times > 0:
            why.append(f"throttled: heat or power slowed processors down, counters rose by {times}")
    slow = after.clock_share is not None and after.clock_share < LEAST_CLOCK
    if slow and after.governor == "performance":
        why.append(f"throttled: the processor ran at {after.clock_share:.0%} of its highest clock")
    if after.governor is not None and after.governor != "performance":
        why.append(f"governor must be performance, got {after.governor}")
    jump = (after.wall_s - before.wall_s) - elapsed
    if abs(jump) > MOST_JUMP_S:
        why.append(f"clock jumped: by {jump:+.2f} s during the run")
    return why


def describe_conditions(before: Snapshot, after: Snapshot) -> Dict[str, Optional[float]]:
    """Return shares of the processors' time between two snapshots: own, others, stolen."""
    shares = _shares(before, after)
    return {name: _rounded(shares.get(name)) for name in ("own", "others", "stolen")}


def _shares(before: Snapshot, after: Snapshot) -> Dict[str, float]:
    elapsed = (after.steady_s - before.steady_s) * after.cores
    if elapsed <= 0:
        return {}
    own = after.own_s - before.own_s
    shares = {"own": own / elapsed}
    if before.busy_s is not None and after.busy_s is not None:
        # The kernel counts in ticks: below a few of them a share means nothing.
        others = after.busy_s - before.busy_s - own
        shares["others"] = max(others - 4 / _TICKS, 0.0) / elapsed
    if before.stolen_s is not None and after.stolen_s is not None:
        shares["stolen"] = max(after.stolen_s - before.stolen_s - 4 / _TICKS, 0.0) / elapsed
    return shares


def _rounded(value: Optional[float]) -> Optional[float]:
    return None if value is None else round(value, 4)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _number(path: Path) -> Optional[int]:
    text = _read(path).strip()
    return int(text) if text.isdigit() else None
