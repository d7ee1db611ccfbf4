"""Boards and Vitis AI releases as the latency model must know them.

Sources: headings of the model zoo's performance tables (cores, clocks); target files and compiled
    models
of releases 1.4, 2.5 and 3.0 (ISA, channel augmentation, what is fused).
"""

from __future__ import annotations

import dataclasses

from target.errors import ModelError


@dataclasses.dataclass(frozen=True)
class Board:
    """A board with its DPU cores, all DPUCZDX8G B4096.

    Attributes:
        name: As on the command line.
        cores: DPU cores.
        clock_mhz: Of a core in the releases since 1.1.
        first_clock_mhz: Of a core in release 1.0.
        cpu_cores: ARM Cortex-A53 cores that feed them.
    """

    name: str
    cores: int
    clock_mhz: float
    first_clock_mhz: float
    cpu_cores: int = 4


@dataclasses.dataclass(frozen=True)
class Release:
    """What a Vitis AI release does that a latency depends on.

    Attributes:
        name: As on the command line.
        isa: Generation of the DPU's instructions: 0 up to release 2.0, 1 since 2.5.
        fuses_eltwise: Whether a sum is computed on the convolution's way out. Assumed from 2.0 on:
            residual networks became 9 % faster between 1.4 and 2.0, others did not.
    """

    name: str
    isa: int
    fuses_eltwise: bool


BOARDS = {
    board.name: board
    for board in (
        Board("zcu104", 2, 300, 305),
        Board("zcu102", 3, 281, 287),
        Board("kv260", 1, 300, 300),
    )
}
RELEASES = {
    **{
        name: Release(name, 0, False)
        for name in ("1.0", "1.1", "1.2", "1.3", "1.3.2", "1.4", "1.4.1")
    },
    "2.0": Release("2.0", 0, True),
    **{name: Release(name, 1, True) for name in ("2.5", "3.0", "3.5")},
}
DEFAULT_RELEASE = "3.0"


def clock_of(board: Board, release: Release) -> float:
    """Return the clock of a DPU core in MHz."""
    return board.first_clock_mhz if release.name == "1.0" else board.clock_mhz


def find_board(name: str) -> Board:
    """Return a board by name.

    Raises:
        ModelError: If there is none of that name.
    """
    if name not in BOARDS:
        raise ModelError(f"board must be one of {', '.join(BOARDS)}, got '{name}'")
    return BOARDS[name]


def find_release(name: str) -> Release:
    """Return a release by name.

    Raises:
        ModelError: If there is none of that name.
    """
    if name not in RELEASES:
        raise ModelError(f"release must be one of {', '.join(RELEASES)}, got '{name}'")
    return RELEASES[name]
