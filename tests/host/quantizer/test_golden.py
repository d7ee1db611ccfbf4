"""Real results of vai_q_tensorflow2, number for number."""

from __future__ import annotations

from typing import Any

import numpy as np

from host.graph.graph import Graph
from host.quantizer.annotate import FLOAT, LAYER, ROLE
from host.quantizer.export import int8_weights_of, output_codes_of, positions_of, to_keras_layout
from target.vision.fixed_point import quantize
from tests.host.conftest import ReferenceCase


def _float_weights(graph: Graph) -> dict[str, np.ndarray]:
    """Return the weights of every layer in Keras's layouts, as `layer/kernel` and `layer/bias`."""
    weights = {}
    for op in graph:
        for arg, role in (("weights", "kernel"), ("bias", "bias")):
            if arg in op.args:
                weights[f"{op.name}/{role}"] = to_keras_layout(graph.data_of(op, arg), op)
    return weights


def _table(case: ReferenceCase, positions: dict[str, int]) -> dict[str, Any]:
    """Return positions by fix op as a table by layer and role."""
    graph = case.quantized.graph
    table: dict[str, Any] = {
        op.name: {}
        for op in graph
        if op.type != "fix" and op.data is None and FLOAT not in op.attrs
    }
    for name, position in positions.items():
        fix = graph.op(name)
        table.setdefault(fix.attrs[LAYER], {})[fix.attrs[ROLE]] = position
    return table


def _equal(got: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert set(got) == set(expected)
    for name, values in expected.items():
        assert got[name].dtype == values.dtype, name
        np.testing.assert_array_equal(got[name], values, err_msg=name)


def test_optimized_float_weights_are_bit_exact(case: ReferenceCase) -> None:
    _equal(_float_weights(case.optimized), case.arrays("optimized_weights.npz"))


def test_votes_of_every_batch(case: ReferenceCase) -> None:
    batches = case.json("calibration.json")["per_batch"]
    assert {len(votes) for votes in case.quantized.votes.values()} == {len(batches)}
    for index, expected in enumerate(batches):
        votes = {name: votes[index] for name, votes in case.quantized.votes.items()}
        assert _table(case, votes) == expected, f"batch {index}"


def test_positions_before_and_after_adjustment(case: ReferenceCase) -> None:
    expected = case.json("calibration.json")
    assert _table(case, case.quantized.before) == expected["before_adjustment"]
    after = {op.name: op.attrs["fix_point"] for op in case.quantized.graph.of_type("fix")}
    assert _table(case, after) == expected["after_adjustment"]
    changed = sum(after[name] != position for name, position in case.quantized.before.items())
    assert changed == case.json("meta.json")["positions_changed_by_adjustment"]
    assert case.quantized.changed >= changed  # a position may be moved by two steps


def test_positions_of_every_layer(case: ReferenceCase) -> None:
    assert positions_of(case.quantized.graph) == case.json("positions.json")


def test_int8_weights(case: ReferenceCase) -> None:
    _equal(int8_weights_of(case.quantized.graph), case.arrays("weights_int8.npz"))


def test_int8_outputs_of_all_test_images(case: ReferenceCase) -> None:
    expected = case.arrays("outputs_int8.npz")
    final, _ = expected.pop("final_float"), expected.pop("float_model")
    _equal(output_codes_of(case.quantized.graph, case.values), expected)
    (output,) = case.quantized.graph.outputs()
    np.testing.assert_allclose(case.values[output.tensor.name], final, rtol=1e-5, atol=1e-7)


def test_tensors_carry_their_fix_points(case: ReferenceCase) -> None:
    for fix in case.quantized.graph.of_type("fix"):
        assert fix.tensor.fix_point == fix.attrs["fix_point"]
        codes = None
        if fix.tensor.name in case.values:
            values = case.values[fix.tensor.name]
            codes = quantize(values, fix.tensor.fix_point)
            np.testing.assert_array_equal(
                np.ldexp(codes.astype(np.float32), -fix.tensor.fix_point), values
            )
