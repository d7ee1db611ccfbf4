"""Times of layers and networks by hand; the parameters are those of tests/host/dpu/latency/made.py."""

from __future__ import annotations

from typing import Any

import pytest

from tests.host.dpu.latency.made import layer, predicted

# 0.8 of 300 MHz: 240,000 cycles a ms; ALU 0.5: 150,000 cycles a ms; 6 GB/s: 6,000,000 bytes a ms.
ONE_MS = {"array_cycles": 240_000}


@pytest.mark.parametrize(
    ("changes", "total_ms"),
    [
        pytest.param({}, 0.01, id="nothing but its start"),
        pytest.param(ONE_MS, 1.0 + 0.01, id="array"),
        pytest.param({**ONE_MS, "alu_cycles": 75_000}, 1.0 + 0.5 + 0.01, id="array and ALU"),
        pytest.param({"weight_bytes": 1_200_000}, 0.2 + 0.01, id="weights"),
        pytest.param({"map_bytes": 600_000}, 0.1 + 0.01, id="maps"),
        pytest.param({"map_bytes": 600_000, "on_chip": True}, 0.1 * 0.5 + 0.01, id="maps on chip"),
        pytest.param(
            {**ONE_MS, "weight_bytes": 1_200_000}, 1.0 + 0.1 * 0.2 + 0.01, id="compute hides"
        ),
        pytest.param(
            {**ONE_MS, "weight_bytes": 12_000_000}, 2.0 + 0.1 * 1.0 + 0.01, id="moving hides"
        ),
        pytest.param({"waits": False}, 0.01 * 0.4, id="does not wait"),
    ],
)
def test_layer_takes_the_longer_and_a_part_of_the_shorter(
    changes: dict[str, Any], total_ms: float
) -> None:
    found = predicted(layer(**changes))
    assert found.dpu_ms == pytest.approx(total_ms)
    assert found.layers[0].total_ms == found.dpu_ms
    assert found.time_of(found.layers[0].layer) == found.layers[0]


@pytest.mark.parametrize(
    ("board", "release", "changes", "dpu_ms"),
    [
        pytest.param("zcu102", "3.0", ONE_MS, 300 / 281 * (1.0 + 0.01), id="slower clock"),
        pytest.param(
            "zcu104", "1.0", {"map_bytes": 6000}, 300 / 305 * 0.01 * 0.5 + 1e-3, id="release 1.0"
        ),
        pytest.param("zcu104", "1.4", ONE_MS, 1.0 + 0.01 * 0.5, id="start on ISA0"),
        pytest.param(
            "zcu104",
            "1.4",
            {"alu_cycles": 150_000, "types": ("depthwise-conv2d-fix",)},
            2.0 + 0.005,
            id="depthwise on ISA0",
        ),
        pytest.param(
            "zcu104",
            "1.4",
            {"alu_cycles": 150_000, "types": ("pool-fix",)},
            0.25 + 0.005,
            id="pool on ISA0",
        ),
        pytest.param(
            "zcu104",
            "1.4",
            {"alu_cycles": 150_000, "types": ("conv2d-fix", "pool-fix")},
            1.0 + 0.005,
            id="pool in a convolution on ISA0",
        ),
        pytest.param("kv260", "2.0", {"map_bytes": 6_000_000}, 1 / 0.5 + 0.005, id="KV260 on ISA0"),
        pytest.param("kv260", "2.5", {"map_bytes": 6_000_000}, 1.0 + 0.01, id="KV260 on ISA1"),
    ],
)
def test_board_and_release_change_clock_bandwidth_and_starts(
    board: str, release: str, changes: dict[str, Any], dpu_ms: float
) -> None:
    found = predicted(layer(**changes), board=board, release=release)
    assert found.dpu_ms == pytest.approx(dpu_ms)


@pytest.mark.parametrize(
    ("board", "busy_ms"),
    [
        ("kv260", 1.0),
        ("zcu104", 6 / 4.5),
        ("zcu102", 6 / 3),
    ],  # 9 GB/s: alone 6, of two 4.5, of three 3
)
def test_busy_cores_share_the_memory(board: str, busy_ms: float) -> None:
    found = predicted(layer(map_bytes=6_000_000), board=board)
    assert found.bandwidth_gb_s == 6.0
    start = 0.01 * 300 / found.clock_mhz
    assert found.dpu_ms == pytest.approx(1.0 + start)
    assert found.busy_dpu_ms == pytest.approx(busy_ms + start)


def test_latency_adds_the_host() -> None:
    # 0.1 ms, 2 ns for each of 1,000 bytes, 0.05 for the ZCU104's processor, a call for the second part
    found = predicted(layer(**ONE_MS), subgraphs=2)
    assert found.host_ms == pytest.approx(0.1 + 0.002 + 0.05 + 0.057)
    assert found.latency_ms == pytest.approx(1.01 + 0.209)
    assert found.python_ms == pytest.approx(1.01 + 2 * (0.057 + 0.225))


@pytest.mark.parametrize(
    ("board", "host_ms"), [("zcu104", 0.152), ("zcu102", 0.102), ("kv260", 0.102)]
)
def test_host_of_the_zcu104_takes_longer(board: str, host_ms: float) -> None:
    assert predicted(layer(), board=board).host_ms == pytest.approx(host_ms)


@pytest.mark.parametrize(
    ("changes", "fps"),
    [
        pytest.param(ONE_MS, 2 * 1000 / 1.01, id="two DPU cores"),
        pytest.param({}, 4 * 1000 / 0.152, id="four ARM cores"),
    ],
)
def test_throughput_is_that_of_the_cores_that_are_fewest(
    changes: dict[str, Any], fps: float
) -> None:
    assert predicted(layer(**changes)).fps_multi_thread == pytest.approx(fps)


@pytest.mark.parametrize(
    ("changes", "bound_by"),
    [
        pytest.param({"array_cycles": 2160}, "overhead", id="start 0.01, compute 0.009"),
        pytest.param({"array_cycles": 4800}, "compute", id="compute 0.02"),
        pytest.param({"array_cycles": 4800, "weight_bytes": 180_000}, "weights", id="weights 0.03"),
        pytest.param(
            {"array_cycles": 4800, "weight_bytes": 72_000, "map_bytes": 78_000},
            "maps",
            id="moving 0.025 of which maps 0.013",
        ),
    ],
)
def test_layer_is_bound_by_what_takes_longest(changes: dict[str, Any], bound_by: str) -> None:
    assert predicted(layer(**changes)).layers[0].bound_by == bound_by


def test_shares_add_up_and_the_largest_comes_first() -> None:
    found = predicted(layer(), layer(**ONE_MS), layer(weight_bytes=2_940_000))
    # 0.01, 1.01 and 0.5 ms of 1.52
    assert list(found.shares()) == ["compute", "weights", "overhead"]
    assert list(found.shares().values()) == pytest.approx([1.01 / 1.52, 0.5 / 1.52, 0.01 / 1.52])
