"""Power sensors: without one there is no energy per frame."""

from __future__ import annotations

from typing import List

from target.check.board import Board
from target.check.finding import NOTE, Finding, ok
from target.measure.sensors import find_board_power, find_package_energy

NAME = "sensors"


def check(board: Board) -> List[Finding]:
    """Find the sensor that the benchmark will use, and read it once."""
    power = find_board_power(board.root)
    if power is not None:
        try:
            return [ok(NAME, f"{power.name}: {power.watts():.2f} W")]
        except (OSError, ValueError) as error:
            return [
                Finding(NAME, NOTE, f"{power.name} cannot be read: {error}; records have no energy")
            ]
    package = find_package_energy(board.root)
    if package is not None:
        return [ok(NAME, package.name)]
    return [
        Finding(
            NAME,
            NOTE,
            "no power sensor in /sys/class/hwmon: records will have no energy; on a ZCU104:"
            " modprobe ina2xx; modprobe iio_hwmon; modprobe irps5401",
        )
    ]
