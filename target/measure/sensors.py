"""Power sensors that Linux shows as files: hwmon (the board's INA226 and PMBus regulators) and Intel's RAPL.

hwmon gives power in microwatts, RAPL energy in microjoules that starts again at its range.
"""

from __future__ import annotations

from pathlib import Path
from typing import List, Optional, Tuple

# By preference: what measures the whole board, then the regulators' inputs.
# A board with several of one kind adds the place: ina226_u76 on a ZCU102, ina260_u14 on a KV260.
_BOARD = ("ina226", "ina2xx", "ina219", "ina220", "ina260", "ina3221", "iio_hwmon")
_REGULATORS = ("irps5401", "pmbus", "ir38064", "tps53679")


class PowerFiles:
    """Power of several rails, added up.

    Attributes:
        name: What is measured, in words.
    """

    def __init__(self, name: str, paths: List[Path]) -> None:
        self.name = name
        self._paths = paths

    def watts(self) -> float:
        """Return the power now.

        Raises:
            OSError: If a file cannot be read.
            ValueError: If it holds no number.
        """
        return sum(int(path.read_text()) for path in self._paths) / 1e6


class EnergyFiles:
    """Energy counters of several packages, added up; a counter may start again.

    Attributes:
        name: What is measured, in words.
    """

    def __init__(self, name: str, counters: List[Tuple[Path, int]]) -> None:
        self.name = name
        self._counters = counters
        self._last = [self._value(path) for path, _ in counters]
        self._joules = 0.0

    def joules(self) -> float:
        """Return the energy since this object was made.

        Raises:
            OSError: If a file cannot be read.
            ValueError: If it holds no number.
        """
        for index, (path, span) in enumerate(self._counters):
            now = self._value(path)
            moved = now - self._last[index]
            self._joules += (moved + span if moved < 0 else moved) / 1e6
            self._last[index] = now
        return self._joules

    @staticmethod
    def _value(path: Path) -> int:
        return int(path.read_text())


def find_board_power(root: Path = Path("/")) -> Optional[PowerFiles]:
    """Return the board's power sensor through hwmon, None if there is none that can be read."""
    for names in (_BOARD, _REGULATORS):
        found: List[Path] = []
        kinds = set()
        for folder in sorted((root / "sys/class/hwmon").glob("hwmon*")):
            kind = _text(folder / "name").partition("_u")[0]
            if kind in names:
                paths = _inputs(folder)
                found += paths
                kinds.update([kind] if paths else [])
        if found:
            rails = f"{len(found)} rail" + ("s" if len(found) > 1 else "")
            return PowerFiles(f"board, {'/'.join(sorted(kinds))} through hwmon ({rails})", found)
    return None


def find_package_energy(root: Path = Path("/")) -> Optional[EnergyFiles]:
    """Return the processor packages' energy through RAPL, None if there is none that can be read."""
    counters = []
    for folder in sorted((root / "sys/class/powercap").glob("intel-rapl:*")):
        path = folder / "energy_uj"
        if folder.name.count(":") != 1 or not _text(folder / "name").startswith("package"):
            continue
        span = _text(folder / "max_energy_range_uj")
        if _text(path).isdigit() and span.isdigit():
            counters.append((path, int(span)))
    if not counters:
        return None
    packages = f"{len(counters)} package" + ("s" if len(counters) > 1 else "")
    return EnergyFiles(f"processor, RAPL ({packages})", counters)


def _inputs(folder: Path) -> List[Path]:
    """Return the power files of a chip; of a regulator only what goes in, if it says so."""
    readable = [path for path in sorted(folder.glob("power*_input")) if _text(path).isdigit()]
    labels = {path: _text(folder / path.name.replace("_input", "_label")) for path in readable}
    going_in = [path for path in readable if labels[path].startswith("pin")]
    return going_in or readable


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
