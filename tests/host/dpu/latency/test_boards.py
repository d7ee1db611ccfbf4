from __future__ import annotations

import pytest

from host.dpu.arch import ARCHS, DpuArch
from host.dpu.latency.boards import (
    BOARDS,
    DEFAULT_RELEASE,
    RELEASES,
    clock_of,
    find_board,
    find_release,
)
from target.errors import ModelError


@pytest.mark.parametrize(
    ("name", "cores", "clock_mhz", "first_clock_mhz"),
    [("zcu104", 2, 300, 305), ("zcu102", 3, 281, 287), ("kv260", 1, 300, 300)],
    ids=list(BOARDS),
)
def test_find_board_gives_cores_and_clocks_of_the_published_tables(
    name: str, cores: int, clock_mhz: float, first_clock_mhz: float
) -> None:
    board = find_board(name)
    assert (board.name, board.cores, board.cpu_cores) == (name, cores, 4)
    assert clock_of(board, find_release("1.0")) == first_clock_mhz
    for release in RELEASES.values():
        if release.name != "1.0":
            assert clock_of(board, release) == clock_mhz


@pytest.mark.parametrize(
    ("name", "isa", "fuses_eltwise"),
    [("1.0", 0, False), ("1.4.1", 0, False), ("2.0", 0, True), ("2.5", 1, True), ("3.5", 1, True)],
)
def test_find_release_gives_isa_and_fusion(name: str, isa: int, fuses_eltwise: bool) -> None:
    release = find_release(name)
    assert (release.name, release.isa, release.fuses_eltwise) == (name, isa, fuses_eltwise)


@pytest.mark.parametrize("arch", ARCHS, ids=lambda arch: "/".join(arch.releases))
def test_releases_agree_with_the_dpus_of_their_board_images(arch: DpuArch) -> None:
    assert {f"ISA{find_release(name).isa}" for name in arch.releases} == {arch.name.split("_")[1]}


def test_default_release_is_known() -> None:
    assert find_release(DEFAULT_RELEASE).isa == 1


def test_find_board_of_another_name_lists_the_boards() -> None:
    with pytest.raises(
        ModelError, match="board must be one of zcu104, zcu102, kv260, got 'vck190'"
    ):
        find_board("vck190")


def test_find_release_of_another_name_lists_the_releases() -> None:
    with pytest.raises(ModelError, match=r"release must be one of 1\.0, 1\.1, .*, got '4\.0'"):
        find_release("4.0")
