"""Energy of one frame: what a device draws while it works, less what it draws at rest.

Measured apart from latencies: reading a sensor takes time of its own.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Protocol, Tuple

from target.measure.nvml import find_gpu_energy
from target.measure.sensors import PowerFiles, find_board_power, find_package_energy

_PERIOD_S = 0.02
_SILENT_S = 1.0  # a sensor that has not answered for so long is gone
IDLE_S = 3.0
BUSY_S = 5.0


class EnergyCounter(Protocol):
    """Something that counts joules.

    Attributes:
        name: What is measured, in words.
    """

    name: str

    def joules(self) -> float:
        """Return the energy since it was made.

        Raises:
            OSError: If the sensor does not answer.
            ValueError: If its answer is no number.
        """
        ...


class PowerCounter:
    """Counts the energy of a power sensor by reading it again and again.

    Args:
        sensor: Gives watts.
        period_s: Between readings.
    """

    def __init__(self, sensor: PowerFiles, period_s: float = _PERIOD_S) -> None:
        self.name = sensor.name
        self._sensor = sensor
        self._period_s = period_s
        self._samples: List[Tuple[float, float]] = [(time.monotonic(), sensor.watts())]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while not self._ended.wait(self._period_s):
            try:
                self._samples.append((time.monotonic(), self._sensor.watts()))
            except (OSError, ValueError):  # a sensor that is busy answers next time
                continue

    def joules(self) -> float:
        """Return the energy since it was made, by trapezoids.

        Raises:
            OSError: If the sensor does not answer any more.
        """
        if time.monotonic() - self._samples[-1][0] > _SILENT_S:
            raise OSError(f"{self.name} gives no answer any more")
        samples = [*self._samples, (time.monotonic(), self._samples[-1][1])]
        return sum(
            (later - at) * (watts + next_watts) / 2
            for (at, watts), (later, next_watts) in zip(samples, samples[1:])
        )

    def close(self) -> None:
        """Stop reading."""
        self._ended.set()
        self._thread.join()


def find_counter(device: str, root: Path = Path("/")) -> Optional[EnergyCounter]:
    """Return the counter of what does the work, None where no sensor is.

    Args:
        device: In words, as a runner says it: `GPU ...`, or anything on this board or computer.
        root: Where /sys is.
    """
    if device.startswith("GPU"):
        return find_gpu_energy()
    board = find_board_power(root)
    if board is not None:
        return PowerCounter(board)
    return find_package_energy(root)


def measure_energy(
    counter: EnergyCounter,
    work: Callable[[], object],
    idle_s: float = IDLE_S,
    busy_s: float = BUSY_S,
) -> Dict[str, Any]:
    """Measure the energy of one call of `work`.

    Args:
        counter: Of the device.
        work: One frame.
        idle_s: Rest before.
        busy_s: Work.

    Returns:
        sensor, idle_w, busy_w, seconds, frames, mj_per_frame (above rest; None if it is below what the
        sensor can tell from rest).
    """
    idle_w = _power(counter, lambda: time.sleep(idle_s))
    frames = 0

    def run() -> None:
        nonlocal frames
        deadline = time.monotonic() + busy_s
        while time.monotonic() < deadline:
            work()
            frames += 1

    started = time.monotonic()
    busy_w = _power(counter, run)
    seconds = time.monotonic() - started
    joules = max(busy_w - idle_w, 0.0) * seconds
    return {
        "sensor": counter.name,
        "idle_w": round(idle_w, 4),
        "busy_w": round(busy_w, 4),
        "seconds": round(seconds, 3),
        "frames": frames,
        "mj_per_frame": round(joules / frames * 1000, 6) if frames and joules > 0 else None,
    }


def _power(counter: EnergyCounter, body: Callable[[], None]) -> float:
    begin, joules = time.monotonic(), counter.joules()
    body()
    return (counter.joules() - joules) / max(time.monotonic() - begin, 1e-9)
