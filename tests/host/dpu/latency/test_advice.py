"""What the advice says and what it promises to save, by hand; the parameters are those of made.py."""

from __future__ import annotations

import pytest

from host.dpu.latency.advice import Advice, advise
from host.dpu.latency.predict import Prediction
from tests.host.dpu.latency.made import layer, predicted

LONG = layer(name="long", array_cycles=240_000)  # 1.01 ms


def _one(prediction: Prediction, start: str) -> Advice:
    (found,) = (item for item in advise(prediction) if item.text.startswith(start))
    return found


def _has(prediction: Prediction, start: str) -> bool:
    return any(item.text.startswith(start) for item in advise(prediction))


def test_nothing_is_wrong_with_a_long_layer_of_whole_channels() -> None:
    assert advise(predicted(LONG)) == []


def test_dense_layer_on_a_map_should_be_pooled() -> None:
    dense = layer(
        name="fc",
        shape=(1, 1, 1, 512),
        window=(7, 7),
        array_cycles=4900,
        weight_bytes=4_900_000,
        map_bytes=9800,
    )
    found = _one(predicted(dense), "global average pooling")
    # before: (4,900,000 + 9,800) / 6e6 + 0.1 * 4,900 / 240,000 + 0.01; pooled, twice: all but the start
    # by 49, the start as it was
    work = 4_909_800 / 6e6 + 0.1 * 4900 / 240_000
    assert found.saves_ms == pytest.approx(work + 0.01 - 2 * (work / 49 + 0.01))
    assert "dense layer 'fc': its 4.9 MB of weights" in found.text
    assert "100% of the DPU's time" in found.text


@pytest.mark.parametrize(
    ("shape", "window"),
    [((1, 1, 1, 512), (1, 1)), ((1, 2, 2, 512), (7, 7))],
    ids=["dense on a vector", "convolution"],
)
def test_other_layers_need_no_pooling(shape: tuple[int, ...], window: tuple[int, int]) -> None:
    other = layer(shape=shape, window=window, weight_bytes=4_900_000)
    assert not _has(predicted(other), "global average pooling")


def test_batch_norms_behind_the_activation_cost_their_cycles_and_the_pool() -> None:
    block = layer(
        name="conv",
        types=("conv2d-fix", "depthwise-conv2d-fix"),
        array_cycles=24_000,
        alu_cycles=15_000,
        batchnorm_cycles=15_000,
    )
    pool = layer(name="pool", types=("pool-fix",), alu_cycles=3000)
    alone = layer(
        name="bn", types=("depthwise-conv2d-fix",), alu_cycles=1500, batchnorm_cycles=1500
    )
    found = _one(predicted(block, pool, alone), "convolution - batch norm - ReLU")
    # the block's 0.1 ms of ALU; the pool's start, its 0.02 ms move into the block; all of the last layer
    assert found.saves_ms == pytest.approx(0.1 + 0.01 + (0.01 + 0.01))
    assert "2 batch norms cannot be folded" in found.text and "(conv, bn)" in found.text


def test_channels_that_leave_part_of_the_array_empty() -> None:
    narrow = layer(name="narrow", channels=(24, 28), array_cycles=240_000)
    found = _one(predicted(LONG, narrow), "channels in multiples of 16")
    assert found.saves_ms == pytest.approx(1.0 * (1 - 24 / 32 * 28 / 32))
    assert "1 layers leave part of the array empty (narrow)" in found.text


@pytest.mark.parametrize("channels", [(3, 16), (16, 32)], ids=["an image's", "whole"])
def test_channels_are_right(channels: tuple[int, int]) -> None:
    full = layer(channels=channels, array_cycles=240_000)
    assert not _has(predicted(full), "channels in multiples of 16")


@pytest.mark.parametrize(
    ("release", "start_us"), [("3.0", 10), ("1.4", 5)], ids=["ISA1", "ISA0 starts in half the time"]
)
def test_small_layers_cost_their_start(release: str, start_us: int) -> None:
    small = [layer(name=f"small{number}") for number in range(4)]
    found = _one(predicted(*small, release=release), "fewer layers")
    assert found.saves_ms == pytest.approx(4 * start_us / 1000 / 2)
    assert f"4 of 4 do less work than it takes to start one ({start_us} us)" in found.text


def test_small_savings_are_not_worth_a_word_and_large_ones_come_first() -> None:
    small = [layer(name=f"small{number}") for number in range(4)]
    assert not _has(predicted(LONG, *small), "fewer layers")  # 0.02 of 1.05 ms
    narrow = layer(name="narrow", channels=(24, 28), array_cycles=24_000)  # 0.034 of 0.15 ms
    found = [item for item in advise(predicted(narrow, *small)) if item.saves_ms is not None]
    assert [item.text.split(":")[0] for item in found] == [
        "channels in multiples of 16",
        "fewer layers",
    ]


def test_host_that_takes_longer_wants_threads() -> None:
    found = _one(predicted(layer(name="one")), "several threads")
    assert found.saves_ms is None
    assert "the host takes 0.15 ms an image, longer than the DPU (0.01 ms)" in found.text
    # 4 ARM cores of 0.152 ms; 0.152 + 0.01 ms
    assert "26,316 instead of 6,173 frames/s" in found.text


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        # 4 / 0.152 of 2 / 0.01 frames a ms
        pytest.param({}, "the ARM cores hold throughput at 13% of", id="host"),
        # 6 GB/s alone, 4.5 together: (1 + 0.01) / (6 / 4.5 + 0.01)
        pytest.param({"map_bytes": 6_000_000}, "share holds throughput at 75% of", id="memory"),
    ],
)
def test_what_holds_throughput_is_named(changes: dict[str, int], text: str) -> None:
    assert text in _one(predicted(layer(**changes)), "nothing on the DPU alone").text


@pytest.mark.parametrize(
    ("cpu_ops", "text"),
    [
        (("elu", "elu", "softmax"), "2 DPU parts with CPU parts between them (elu, softmax)"),
        (("a", "b", "c", "d"), "between them (a, b, c and 1 more)"),
        ((), "between them (conversions alone)"),
    ],
    ids=["two types", "four types", "none"],
)
def test_several_parts_name_the_ops_between_them(cpu_ops: tuple[str, ...], text: str) -> None:
    assert text in _one(predicted(LONG, subgraphs=2, cpu_ops=cpu_ops), "ops the DPU has").text
