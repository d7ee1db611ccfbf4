"""The fit on rows that the model itself has made, so that the answer is known."""

from __future__ import annotations

import dataclasses
import functools

import pytest

from host.dpu.latency.boards import BOARDS, Release, find_board, find_release
from host.dpu.latency.fit import errors_of, fit, leave_one_out, summarize
from host.dpu.latency.layers import Workload
from host.dpu.latency.parameters import PRIORS, Parameters
from host.dpu.latency.predict import predict
from host.dpu.latency.published import Row
from tests.host.dpu.latency.made import layer, workload

# What is known beforehand, but for these factors.
FACTORS = {"array_efficiency": 1.05, "alu_efficiency": 1.3, "bandwidth_gb_s": 1.2, "layer_ms": 1.25}
TRUE = Parameters(
    **{name: prior.value * FACTORS.get(name, 1) for name, prior in PRIORS.items()},
    memory_gb_s=11.0,
)
# Networks that need mostly one thing.
LAYERS = {
    "array": layer(array_cycles=2_000_000),
    "alu": layer(types=("pool-fix",), alu_cycles=2_000_000),
    "weights": layer(weight_bytes=30_000_000),
    "starts": layer(map_bytes=100),
}
COUNTS = {"array": 2, "alu": 2, "weights": 2, "starts": 60}
NAMES = [f"{kind} {number}" for kind in LAYERS for number in range(8)]


@functools.cache
def _network(name: str) -> Workload:
    kind, number = name.split()
    layers = [LAYERS[kind]] * (COUNTS[kind] + int(number))
    return workload(*layers, name=name)


def _workload_of(row: Row, release: Release) -> Workload:
    return _network(row.network)


def _row(network: str, board: str, release: str = "3.0") -> Row:
    found = predict(_network(network), find_board(board), find_release(release), TRUE)
    times = (found.latency_ms, found.fps_multi_thread)
    return Row(network, "MobileNet", "{}", (32, 32), 1.0, board, release, *times)


def _rows(names: list[str] = NAMES) -> list[Row]:
    return [_row(name, board) for name in names for board in BOARDS]


FEW = ["array 0", "weights 0", "starts 0"]


@pytest.fixture(scope="module")
def fitted() -> Parameters:
    return fit(_rows(), _workload_of)


@pytest.mark.parametrize("name", FACTORS)
def test_fit_recovers_a_parameter_that_made_the_rows(name: str, fitted: Parameters) -> None:
    true = getattr(TRUE, name)
    assert true == pytest.approx(PRIORS[name].value * FACTORS[name])
    assert getattr(fitted, name) == pytest.approx(true, rel=0.03)


def test_fit_recovers_the_memory_of_all_cores(fitted: Parameters) -> None:
    assert fitted.memory_gb_s == pytest.approx(TRUE.memory_gb_s, abs=0.4)  # steps of 0.2


def test_fit_explains_the_rows_that_the_model_made(fitted: Parameters) -> None:
    errors = errors_of(_rows(), _workload_of, fitted)
    assert max(abs(error.single) for error in errors) < 0.015
    assert max(abs(error.multi or 0) for error in errors) < 0.04


def test_fit_is_the_same_every_time() -> None:
    assert fit(_rows(FEW), _workload_of) == fit(_rows(FEW), _workload_of)


def test_fit_keeps_what_was_known_where_no_row_tells_more() -> None:
    found = fit([], _workload_of)
    for name, prior in PRIORS.items():
        assert getattr(found, name) == pytest.approx(prior.value)
    assert found.memory_gb_s == 1e9  # no bound


def test_fit_does_not_look_at_one_thread_of_the_zcu102() -> None:
    rows = [row for row in _rows(FEW) if row.board != "zcu102"]
    slow = [
        dataclasses.replace(_row(name, "zcu102"), single_ms=99.0, multi_fps=None) for name in FEW
    ]
    assert fit([*rows, *slow], _workload_of) == fit(rows, _workload_of)


def test_releases_that_repeat_a_row_count_once() -> None:
    once = [_row(name, "zcu104", "1.1") for name in FEW]
    once = [dataclasses.replace(row, multi_fps=None) for row in once]
    often = [
        dataclasses.replace(row, release=name) for row in once for name in ("1.1", "1.2", "1.3")
    ]
    expected = dataclasses.astuple(fit(once, _workload_of))
    assert dataclasses.astuple(fit(often, _workload_of)) == pytest.approx(expected, rel=1e-6)


def test_errors_are_positive_where_the_model_is_too_slow() -> None:
    row = _row("array 1", "zcu104")
    assert row.multi_fps is not None
    half = dataclasses.replace(row, single_ms=row.single_ms / 2, multi_fps=row.multi_fps * 2)
    unpublished = dataclasses.replace(row, multi_fps=None)
    same, twice, without = errors_of([row, half, unpublished], _workload_of, TRUE)
    assert (same.single, same.multi) == pytest.approx((0, 0))
    assert (twice.single, twice.multi) == pytest.approx((1, 1))  # 100 % too slow
    assert without.multi is None


def test_leave_one_out_predicts_a_network_by_the_others_alone() -> None:
    rows = _rows(FEW)
    slower = [
        dataclasses.replace(row, single_ms=3 * row.single_ms, multi_fps=None)
        if row.network == "weights 0"
        else row
        for row in rows
    ]
    others = fit([row for row in rows if row.network != "weights 0"], _workload_of)
    assert fit(slower, _workload_of) != fit(rows, _workload_of)
    own = [
        error for error in leave_one_out(slower, _workload_of) if error.row.network == "weights 0"
    ]
    expected = errors_of(
        [row for row in slower if row.network == "weights 0"], _workload_of, others
    )
    assert len(own) == 3 and own == expected
    assert max(error.single for error in own) < -0.5  # about a third of what is published


def test_leave_one_out_gives_every_row_once() -> None:
    rows = _rows(FEW)
    found = leave_one_out(rows, _workload_of)
    assert len(found) == 9
    assert sorted(map(repr, rows)) == sorted(repr(error.row) for error in found)


def test_summary_is_of_absolute_errors_but_for_the_bias() -> None:
    # sorted sizes 0.05 0.1 0.1 0.2 0.3; p90 is 0.6 of the way from the fourth to the fifth
    assert summarize([-0.3, 0.1, -0.1, 0.2, -0.05]) == {
        "rows": 5,
        "median": 0.1,
        "p90": 0.26,
        "max": 0.3,
        "bias": -0.05,
    }
