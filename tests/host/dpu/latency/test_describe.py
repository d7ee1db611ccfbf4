from __future__ import annotations

import json
from typing import Any

import pytest

from host.dpu.latency.describe import (
    describe_prediction,
    error_sentence,
    model_error,
    summarize_prediction,
)
from tests.host.dpu.latency.made import layer, predicted


def _errors(median: float, p90: float, rows: int) -> dict[str, float | int]:
    return {"rows": rows, "median": median, "p90": p90, "max": 0.5, "bias": -0.01}


ERROR: dict[str, Any] = {
    "source": "tables",
    "networks": ["A", "B"],
    "one_thread": {"left_out": _errors(0.0375, 0.0902, 99), "fitted": _errors(0.03, 0.07, 99)},
    "one_thread_other_networks": _errors(0.0625, 0.1045, 40),
    "one_thread_zcu102": _errors(0.043, 0.101, 87),
    "multi_thread": _errors(0.103, 0.222, 226),
    "small_networks": _errors(0.0568, 0.1441, 8),
}
CONV = layer(
    name="conv",
    types=("conv2d-fix", "pool-fix"),
    shape=(1, 4, 4, 16),
    macs=300_000,
    array_cycles=240_000,
    alu_cycles=150_000,
    weight_bytes=1_200_000,
    map_bytes=300_000,
    on_chip=True,
    augmented=True,
)


def test_prediction_by_hand() -> None:
    found = predicted(CONV, layer(name="last"), parameters=1234, cpu_ops=("softmax", "softmax"))
    described = describe_prediction(found, ERROR)
    assert json.loads(json.dumps(described)) == described
    # compute 1 + 1, weights 0.2, maps 0.05 * 0.5, start 0.01; and a start
    dpu_ms = 2 + 0.1 * 0.225 + 0.01 + 0.01
    host_ms = 0.1 + 0.002 + 0.05
    assert {key: described[key] for key in ("kind", "network", "board", "release", "isa")} == {
        "kind": "predicted",
        "network": "net",
        "board": "zcu104",
        "release": "3.0",
        "isa": 1,
    }
    assert (described["cores"], described["clock_mhz"], described["dpu_subgraphs"]) == (2, 300, 1)
    assert described["dpu_ms"] == pytest.approx(dpu_ms)
    assert described["host_ms"] == pytest.approx(host_ms)
    assert described["latency_1_thread_ms"] == pytest.approx(dpu_ms + host_ms)
    assert described["fps_1_thread"] == round(1000 / (dpu_ms + host_ms), 2)
    # at 4.5 GB/s a core the longer is still computing
    busy_ms = 2 + 0.1 * 0.225 * 6 / 4.5 + 0.02
    assert described["fps_multi_thread"] == round(2000 / busy_ms, 2)
    assert described["python_vart_ms"] == pytest.approx(dpu_ms + 0.282)
    assert described["bound_by"] == "compute"
    assert described["shares"] == {"compute": 0.9951, "overhead": 0.0049}
    assert (described["macs"], described["weights"], described["weight_bytes"]) == (
        300_000,
        1234,
        1_200_000,
    )
    assert described["cpu_ops"] == ["softmax"]
    assert described["faster"] == []


def test_layer_by_hand() -> None:
    conv, last = describe_prediction(predicted(CONV, layer(name="last")), ERROR)["layers"]
    assert conv == {
        "name": "conv",
        "types": ["conv2d-fix", "pool-fix"],
        "shape": [1, 4, 4, 16],
        "macs": 300_000,
        "array_cycles": 240_000,
        "alu_cycles": 150_000,
        "weight_bytes": 1_200_000,
        "map_bytes": 300_000,
        "moved_bytes": 1_350_000,  # half of the maps stays on the chip
        "maps": "on-chip",
        "channel_augmentation": True,
        "compute_ms": 2.0,
        "weights_ms": 0.2,
        "maps_ms": 0.025,
        "overhead_ms": 0.01,
        "total_ms": 2.0325,
        "bound_by": "compute",
        "ops_per_byte": 0.444,  # 600,000 / 1,350,000
        "gops": 0.295,  # 600,000 / 2.0325 ms
    }
    assert (last["maps"], last["ops_per_byte"], last["gops"]) == ("ddr", 0.0, 0.0)


def test_advice_comes_with_what_it_saves() -> None:
    narrow = layer(name="narrow", channels=(16, 12), array_cycles=240_000)
    (saving,) = describe_prediction(predicted(narrow), ERROR)["faster"]
    assert saving["change"].startswith("channels in multiples of 16")
    assert saving["saves_ms"] == 0.25  # a quarter of the outputs is padding
    (_, threads, _) = describe_prediction(predicted(layer()), ERROR)["faster"]
    assert threads["change"].startswith("several threads") and threads["saves_ms"] is None


def test_summary_is_the_prediction_without_its_layers() -> None:
    found = predicted(CONV)
    described = describe_prediction(found, ERROR)
    assert set(described) - set(summarize_prediction(found, ERROR)) == {"layers", "faster"}


def test_model_error_leads_with_the_networks_left_out() -> None:
    found = model_error(ERROR)
    assert found["one_thread"] == ERROR["one_thread"]["left_out"]
    assert found["one_thread_fitted"] == ERROR["one_thread"]["fitted"]
    assert "predicted by a fit without it" in found["protocol"]


@pytest.mark.parametrize(
    ("missing", "end"),
    [
        ((), "; throughput of all threads by 10% and 22%; small networks by 6% and at most 50%."),
        (("small_networks",), "; throughput of all threads by 10% and 22%."),
        (("multi_thread", "small_networks"), "in turn), by 6.2% and 10.4% for others (40 rows)."),
        (
            ("one_thread_other_networks", "multi_thread", "small_networks"),
            "left out of the fit in turn).",
        ),
    ],
    ids=["all", "no small networks", "one thread alone", "networks of Keras alone"],
)
def test_error_sentence_names_the_errors_that_there_are(missing: tuple[str, ...], end: str) -> None:
    found = error_sentence(model_error({**ERROR, **dict.fromkeys(missing)}), "zcu104")
    assert found.startswith(
        "Predicted, not measured: off published latencies by 3.8% in the median and 9.0% at the 90th"
        " percentile for networks of keras.applications (99 rows, each network"
    )
    assert found.endswith(end)


def test_error_sentence_of_the_board_that_was_never_fitted_is_its_own() -> None:
    found = error_sentence(model_error(ERROR), "zcu102")
    assert (
        "by 4.3% in the median and 10.1% at the 90th percentile on the ZCU102 (87 rows, each"
        in found
    )
    assert "keras.applications" not in found and "others" not in found
    without = model_error({**ERROR, "one_thread_zcu102": None})
    assert error_sentence(without, "zcu102") == error_sentence(without, "zcu104")
