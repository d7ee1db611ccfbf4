from __future__ import annotations

import numpy as np
import pytest

from host.compiler.compile import compile_graph
from host.compiler.golden import RANDOM_ROWS, golden_vectors
from host.dpu.emulator import Emulator
from host.graph.graph import Graph, Op
from host.quantizer.config import QuantConfig
from host.quantizer.quantize import quantize_graph
from tests.host.small_graphs import add_conv, add_data, add_op

NO_IMAGES = np.zeros((0, 4, 3, 1), np.int8)


@pytest.fixture(scope="module")
def compiled() -> Graph:
    """A compiled dense layer on a 4x3 map, with a softmax behind it."""
    graph = Graph("g")
    add_data(graph, (1, 4, 3, 1))
    add_op(graph, "flat", "reshape", ["image"], (1, 12))
    weights = np.random.default_rng(0).normal(size=(5, 12))
    add_conv(graph, "fc", "flat", weights, None, "inner-product")
    add_op(graph, "soft", "softmax", ["fc"], axis=-1, __keras="Activation")
    images = np.random.default_rng(1).random((4, 4, 3, 1)).astype(np.float32)
    return compile_graph(quantize_graph(graph, images, QuantConfig(4)).graph).graph


def _doors(graph: Graph) -> tuple[Op, Op]:
    (source,), (last,) = graph.of_type("data-fix"), graph.of_type("download")
    return source, last


def test_vectors_are_random_and_real_rows(compiled: Graph) -> None:
    real = np.full((2, 4, 3, 1), 7, np.int8)
    doors = _doors(compiled)
    vectors = golden_vectors(compiled, doors, real, seed=5)
    assert set(vectors) == {"input", "output", "real"}
    codes, output, is_real = vectors["input"], vectors["output"], vectors["real"]
    assert (codes.dtype, output.dtype) == (np.int8, np.int8)
    assert codes.shape == (RANDOM_ROWS + 2, 4, 3, 1)
    assert output.shape == (RANDOM_ROWS + 2, 5)
    assert is_real.tolist() == [False] * RANDOM_ROWS + [True] * 2
    np.testing.assert_array_equal(codes[is_real], real)
    assert codes[~is_real].min() < -120 and codes[~is_real].max() > 120
    emulator = Emulator(compiled, doors[1].name)
    for row, expected in zip(codes, output):
        values = emulator.run({doors[0].name: row[None]})
        np.testing.assert_array_equal(values[doors[1].tensor.name][0], expected)


def test_vectors_depend_on_the_seed_alone(compiled: Graph) -> None:
    first, again, other = (
        golden_vectors(compiled, _doors(compiled), NO_IMAGES, seed) for seed in (1, 1, 2)
    )
    assert len(first["real"]) == RANDOM_ROWS
    for name, values in first.items():
        np.testing.assert_array_equal(values, again[name])
    assert (first["input"] != other["input"]).any()
