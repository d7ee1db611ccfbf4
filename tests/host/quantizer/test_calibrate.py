from __future__ import annotations

import numpy as np
import pytest

from host.graph.graph import Graph
from host.quantizer.annotate import METHOD
from host.quantizer.calibrate import calibrate, most_frequent
from target.errors import ModelError
from tests.host.small_graphs import add_conv, add_data, add_fix, add_op


@pytest.mark.parametrize(
    ("positions", "winner"),
    [([3], 3), ([3, 4, 4], 4), ([4, 3], 4), ([3, 4, 4, 3], 3), ([-1, 0, 0, -1, -1], -1)],
    ids=str,
)
def test_most_frequent_of_equals_is_the_one_seen_first(positions: list[int], winner: int) -> None:
    assert most_frequent(positions) == winner


def _graph() -> Graph:
    """Image - fix - conv (times 1) - fix; the image by its range, the output by least error."""
    graph = Graph("g")
    add_data(graph, (1, 1, 2, 1))
    add_conv(graph, "conv", "image", np.ones((1, 1, 1, 1)))
    add_fix(graph, "image", None).attrs[METHOD] = "non-overflow"
    add_fix(graph, "conv/kernel", None, "kernel")
    add_fix(graph, "conv", None)
    return graph


def _images(*pairs: tuple[float, float]) -> np.ndarray:
    return np.float32(pairs).reshape(-1, 1, 2, 1)


def test_every_batch_votes_and_the_last_may_be_smaller() -> None:
    graph = _graph()
    votes = calibrate(graph, _images((0, 1), (0, 2), (0, 1), (0, 1), (0, 40)), 2)
    # batches: up to 2, up to 1, and 40 alone
    assert votes["image_fix"] == [5, 6, 1]
    assert votes["conv/kernel_fix"] == [6, 6, 6]
    assert list(votes) == ["image_fix", "conv/kernel_fix", "conv_fix"]
    assert graph.op("image_fix").attrs["fix_point"] == 5  # all once: the first
    assert graph.op("conv/kernel_fix").attrs["fix_point"] == 6


def test_later_tensors_see_quantized_inputs() -> None:
    # at position 0 of [0, 100], 0.4 becomes 0 and 100 stays; the output is then exact at 0
    graph = _graph()
    votes = calibrate(graph, _images((0.4, 100)), 1)
    assert votes["image_fix"] == [0]
    assert votes["conv_fix"] == [0]
    # the same image unquantized would want a finer output: 0.4 is nearer at 1, 100 is not
    free = _graph()
    free.op("conv").args["input"] = ["image"]
    images = _images((0.4, 60))
    assert calibrate(free, images, 1)["conv_fix"] == [1]
    assert calibrate(_graph(), _images((0.4, 60)), 1)["image_fix"] == [1]


def test_weights_are_quantized_before_they_are_used() -> None:
    graph = Graph("g")
    add_data(graph, (1, 1, 1, 1))
    # 100.3 is 100 at its position 0, so that the output is 100 and exact at 0
    add_conv(graph, "conv", "image", np.full((1, 1, 1, 1), 100.3))
    add_fix(graph, "image", None).attrs[METHOD] = "non-overflow"
    add_fix(graph, "conv/kernel", None, "kernel")
    add_fix(graph, "conv", None)
    seen = calibrate(graph, np.ones((1, 1, 1, 1), np.float32), 1)
    assert seen == {"image_fix": [6], "conv/kernel_fix": [0], "conv_fix": [0]}


@pytest.mark.parametrize(
    ("images", "batch", "message"),
    [
        (
            _images(),
            2,
            "calibration must have at least one image and batch, got 0 images in batches of 2",
        ),
        (_images((0, 1)), 0, "got 1 images in batches of 0"),
        (
            _images((0, float("nan"))),
            1,
            "tensor 'image' must be finite to be quantized, got inf or nan",
        ),
        (_images((0, float("inf"))), 1, "tensor 'image' must be finite"),
        (np.zeros((1, 2, 2, 1), np.float32), 1, r"input 'image' must be float32 \['n', 1, 2, 1\]"),
    ],
    ids=["none", "batch", "nan", "inf", "shape"],
)
def test_refuses(images: np.ndarray, batch: int, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        calibrate(_graph(), images, batch)


def test_constants_that_are_not_finite_are_refused() -> None:
    graph = _graph()
    graph.op("conv/kernel").data = np.full((1, 1, 1, 1), np.nan, np.float32)
    with pytest.raises(ModelError, match="tensor 'conv/kernel' must be finite"):
        calibrate(graph, _images((0, 1)), 1)


def test_pools_pass_quantized_values_on() -> None:
    graph = Graph("g")
    add_data(graph, (1, 1, 2, 1))
    add_op(graph, "pool", "maxpool2d", ["image"], (1, 1, 1, 1), kernel=[2, 1], stride=[1, 1])
    add_fix(graph, "image", None).attrs[METHOD] = "non-overflow"
    add_fix(graph, "pool", None)
    votes = calibrate(graph, _images((0.3, -1.0)), 1)
    assert votes["image_fix"] == [7]
    assert votes["pool_fix"] == [8]  # 38 / 128 alone
