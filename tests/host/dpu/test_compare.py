"""Comparison of two runs, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from host.dpu.compare import Difference, compare, named_values, plain_name
from host.graph.graph import Graph, Op, Tensor
from tests.host.small_graphs import add_data, add_fix, add_op


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("quant_conv1_relu_fix", "conv1_relu"),
        ("quant_input_1_upload_0", "input_1"),
        ("fc_fix_download_0", "fc"),
        ("quantity", "quantity"),
        ("dense(TransferMatMulToConv2d)", "dense"),
    ],
)
def test_plain_name(name: str, plain: str) -> None:
    assert plain_name(name) == plain


def _codes(fix: int, *values: int) -> tuple[Op, np.ndarray]:
    tensor = Tensor("t_fix", (1, len(values)), "xint8", {"fix_point": fix})
    return Op("t", "conv2d-fix", tensor), np.int8([values])


def _real(*values: float) -> tuple[Op, np.ndarray]:
    return Op("t", "relu", Tensor("t", (1, len(values)))), np.float32([values])


def _compare(first: tuple[Op, np.ndarray], second: tuple[Op, np.ndarray]) -> Difference:
    (found,) = compare({"t": first}, {"t": second})
    return found


def test_codes_are_compared_as_they_are() -> None:
    found = _compare(_codes(3, 1, 2, 3), _codes(3, 1, 5, 4))
    assert (found.kind, found.largest, found.count, found.values) == ("codes", 3, 2, 3)
    assert found.first == (0, 1)
    # energy 14 of the first, 10 of the difference
    assert found.snr_db == pytest.approx(10 * np.log10(14 / 10))


def test_codes_of_other_fix_points_are_compared_as_real_values() -> None:
    found = _compare(_codes(3, 8), _codes(4, 16))
    assert (found.kind, found.count, found.snr_db) == ("real", 0, None)


def test_half_a_code_is_no_difference_from_a_real_value() -> None:
    found = _compare(_codes(3, 8, 8), _real(1 + 1 / 16, 1 + 1 / 15))
    assert (found.kind, found.count, found.first) == ("real", 1, (0, 1))


def test_real_values_may_differ_by_a_hundred_thousandth() -> None:
    assert _compare(_real(1.0, 1.0), _real(1.000009, 1.00002)).count == 1


def test_other_sizes_and_names_are_left_out() -> None:
    assert compare({"t": _real(1)}, {"t": _real(1, 2)}) == []
    assert compare({"t": _real(1)}, {"u": _real(1)}) == []


def test_of_a_quantized_network_only_what_is_quantized_counts() -> None:
    graph = Graph("g")
    add_data(graph, (1, 2))
    add_fix(graph, "image", 4)
    add_op(graph, "act", "relu", ["image_fix"])
    add_fix(graph, "act", 4)
    add_op(graph, "end", "softmax", ["act_fix"])
    values = {op.tensor.name: np.zeros((1, 2), np.float32) for op in graph}
    found = named_values(graph, values)
    assert {name: op.name for name, (op, _) in found.items()} == {
        "image": "image_fix",
        "act": "act_fix",
        "end": "end",
    }
