"""The DPU's own functions: averages, sigmoid, swish, LeakyReLU's slope."""

from __future__ import annotations

from typing import Any

import pytest

from host.graph.graph import Graph
from host.quantizer.to_dpu_functions import to_dpu_functions
from tests.host.small_graphs import add_data, add_op


def _pool(kernel: list[int], out: tuple[int, ...], **attrs: Any) -> Graph:
    graph = Graph("g")
    add_data(graph, (1, kernel[1], kernel[0], 2))
    window = {"kernel": kernel, "stride": [1, 1], "pad": [0] * 4}
    add_op(graph, "pool", "avgpool2d", ["image"], out, **window, **attrs)
    return graph


@pytest.mark.parametrize(
    ("kernel", "out", "attrs", "factor", "matched"),
    [
        ([3, 3], (1, 5, 5, 2), {}, [7, 6], [7, 6]),
        ([2, 2], (1, 5, 5, 2), {}, [1, 2], [1, 2]),
        ([3, 2], (1, 5, 5, 2), {}, [85, 9], None),  # 85 / 512 for six pixels; the tool forgets it
        # 1x1 left and lcm(2, 3) = 6: the square's 7 / 256 of 36 pixels, each of six counted 6 times
        ([3, 2], (1, 1, 1, 2), {}, [42, 8], [42, 8]),
        ([3, 2], (1, 2), {"global": True}, [42, 8], [42, 8]),
        # lcm(3, 5) = 15 is more than 8: 17 / 256 for 15 pixels
        ([5, 3], (1, 2), {"global": True}, [17, 8], [17, 8]),
        ([5, 3], (1, 1, 1, 2), {}, [17, 8], None),
        ([256, 256], (1, 2), {"global": True}, None, None),
    ],
    ids=["3x3", "2x2", "2x3", "2x3 at once", "2x3 global", "3x5 global", "3x5 at once", "huge"],
)
def test_factor_of_an_average(
    kernel: list[int],
    out: tuple[int, ...],
    attrs: dict[str, Any],
    factor: list[int] | None,
    matched: list[int] | None,
) -> None:
    for match, expected in ((False, factor), (True, matched)):
        graph = _pool(kernel, out, **attrs)
        assert to_dpu_functions(graph, match) == (expected is not None)
        assert graph.op("pool").attrs.get("dpu_factor") == expected


def test_swish_becomes_a_sigmoid_of_its_name_and_a_product() -> None:
    graph = Graph("g")
    add_data(graph, (1, 2, 2, 1))
    add_op(graph, "neg", "neg", ["image"])
    add_op(graph, "act", "swish", ["neg"])
    add_op(graph, "end", "neg", ["act"])
    assert to_dpu_functions(graph) == 1
    assert (graph.op("act").type, graph.op("act_mul").type) == ("hard-sigmoid", "mul")
    assert graph.op("act_mul").args["input"] == ["neg", "act"]
    assert graph.op("end").args["input"] == ["act_mul"]


def test_swish_of_a_tensor_with_other_users_stays() -> None:
    graph = Graph("g")
    add_data(graph, (1, 2, 2, 1))
    add_op(graph, "neg", "neg", ["image"])
    add_op(graph, "act", "swish", ["neg"])
    add_op(graph, "sum", "add", ["act", "neg"])
    assert to_dpu_functions(graph) == 0


@pytest.mark.parametrize(("alpha", "expected"), [(0.1, 26 / 256), (0.3, 0.3)])
def test_slope_of_a_leaky_relu(alpha: float, expected: float) -> None:
    graph = Graph("g")
    add_data(graph, (1, 2, 2, 1))
    add_op(graph, "act", "leaky-relu", ["image"], alpha=alpha)
    to_dpu_functions(graph)
    assert graph.op("act").attrs["alpha"] == expected
