from __future__ import annotations

from typing import Any

import pytest

from host.graph.from_keras import from_keras
from host.graph.workload import macs_of
from host.training.published import build_published
from target.errors import ModelError

SIZE = (224, 224)


def _macs(model: Any) -> int:
    graph = from_keras(model)
    return sum(macs_of(graph, op) for op in graph)


@pytest.mark.parametrize(
    ("network", "gops"),
    [("Inception v1", 3.16), ("Inception v1", 3.0), ("ResNet-50 v1", 6.97), ("SqueezeNet", 0.7035)],
    ids=[
        "Inception v1 of Caffe",
        "Inception v1 of TF-slim",
        "ResNet-50 of TF-slim",
        "SqueezeNet 1.1",
    ],
)
def test_network_has_the_published_operations(network: str, gops: float) -> None:
    macs = _macs(build_published(network, SIZE, gops))
    assert 2 * macs / 1e9 == pytest.approx(gops, rel=0.01)


def _fire(side: int, channels: int, squeezed: int, expanded: int) -> int:
    return side**2 * (channels * squeezed + squeezed * expanded * (1 + 9))


def test_squeezenet_by_hand() -> None:
    fires = [
        *(_fire(55, 64, 16, 64), _fire(55, 128, 16, 64)),
        *(_fire(27, 128, 32, 128), _fire(27, 256, 32, 128)),
        *(_fire(13, 256, 48, 192), _fire(13, 384, 48, 192)),
        *(_fire(13, 384, 64, 256), _fire(13, 512, 64, 256)),
    ]
    ends = 111**2 * 27 * 64 + 13**2 * 512 * 1000
    assert _macs(build_published("SqueezeNet", SIZE, 0.7035)) == sum(fires) + ends


def test_inceptions_of_one_name_differ_in_their_large_kernels() -> None:
    sizes = [
        {layer.kernel_size for layer in model.layers if hasattr(layer, "kernel_size")}
        for model in (build_published("Inception v1", SIZE, gops) for gops in (3.16, 3.0))
    ]
    assert sizes == [{(1, 1), (3, 3), (5, 5), (7, 7)}, {(1, 1), (3, 3), (7, 7)}]


def test_last_unit_of_a_resnets_stage_halves_the_map() -> None:
    model = build_published("ResNet-50 v1", SIZE, 6.97)
    sums = [layer.output.shape[1:] for layer in model.layers if type(layer).__name__ == "Add"]
    assert sums == [
        *([(56, 56, 256)] * 2 + [(28, 28, 256)]),
        *([(28, 28, 512)] * 3 + [(14, 14, 512)]),
        *([(14, 14, 1024)] * 5 + [(7, 7, 1024)]),
        *[(7, 7, 2048)] * 3,
    ]


@pytest.mark.parametrize(
    ("network", "gops"),
    [("AlexNet", 1.4), ("SqueezeNet", 0.76)],
    ids=["another network", "other operations"],
)
def test_network_that_is_not_known_is_refused(network: str, gops: float) -> None:
    known = "Inception v1, ResNet-50 v1, SqueezeNet with the published operations"
    with pytest.raises(ModelError, match=f"one of {known}, got '{network}' of {gops} GOP"):
        build_published(network, SIZE, gops)


def test_input_that_is_too_small_is_refused() -> None:
    with pytest.raises(
        ModelError, match=r"must be one that SqueezeNet takes, got \(1, 1\): Computed"
    ):
        build_published("SqueezeNet", (1, 1), 0.7)
