"""AMD's own results for the reference cases, read from files of its layout, against the builtin quantizer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.dpu.emulator import Emulator
from host.quantizer.export import int8_weights_of, output_codes_of
from host.vitis.golden import check_dump
from host.vitis.h5_file import QuantizedFile, read_quantized
from host.vitis.int8_graph import build_int8_graph
from target.errors import ModelError
from tests.host.conftest import ReferenceCase
from tests.host.vitis.h5_files import variables_of, write_h5


def _stored(case: ReferenceCase, path: Path) -> QuantizedFile:
    """Write AMD's positions and weights as its file has them, and read that."""
    kinds = {op.name: op.type for op in case.quantized.graph}
    weights = case.arrays("optimized_weights.npz")
    write_h5(path, variables_of(case.json("positions.json"), weights, kinds))
    return read_quantized(path)


def test_positions_and_weights_of_amds_tool_are_those_of_the_builtin_quantizer(
    case: ReferenceCase, tmp_path: Path
) -> None:
    found = _stored(case, tmp_path / "quantized.h5")
    made, comparison = build_int8_graph(case.quantized, found)
    assert comparison.different == [] and comparison.weights_different == 0
    wanted = case.json("positions.json")
    assert comparison.positions == sum(len(roles or {}) for roles in wanted.values())
    stored = case.arrays("weights_int8.npz")
    for key, codes in int8_weights_of(made.graph).items():
        np.testing.assert_array_equal(codes, stored[key], err_msg=key)
    values = Emulator(made.graph).run({"image": case.images})
    expected = case.arrays("outputs_int8.npz")
    for name, codes in output_codes_of(made.graph, values).items():
        np.testing.assert_array_equal(codes, expected[name], err_msg=name)


def test_golden_results_are_compared_code_by_code(case: ReferenceCase, tmp_path: Path) -> None:
    image = case.images[:1]
    graph = case.quantized.graph
    codes = output_codes_of(graph, Emulator(graph).run({"image": image}))
    _write_dump(tmp_path, codes, int8_weights_of(graph))
    found = check_dump(tmp_path, graph, image)
    dumped = {name: part for name, part in codes.items() if not name.endswith("/input")}
    assert (found.different, found.where) == (0, [])
    assert found.tensors == len(dumped) + len(int8_weights_of(graph))
    place = tmp_path / "dump_results_0" / "quant_image.bin"
    other = np.fromfile(place, np.int8)
    other[:3] += 1
    other.tofile(place)
    assert check_dump(tmp_path, graph, image)[2:] == (3, ["quant_image"])
    other[:10].tofile(place)  # cut short
    assert check_dump(tmp_path, graph, image).different == image.size


def _write_dump(folder: Path, codes: dict[str, np.ndarray], weights: dict[str, np.ndarray]) -> None:
    for part in ("dump_results_0", "dump_results_weights"):
        (folder / part).mkdir()
    for name, values in codes.items():
        if not name.endswith("/input"):
            values[:1].tofile(folder / "dump_results_0" / f"quant_{name}.bin")
    for key, values in weights.items():
        values.tofile(folder / "dump_results_weights" / f"quant_{key.replace('/', '_')}.bin")


def _changed(case: ReferenceCase, tmp_path: Path, change: Any) -> QuantizedFile:
    found = _stored(case, tmp_path / "quantized.h5")
    positions = json.loads(json.dumps(found.positions))
    change(positions)
    return QuantizedFile(positions, found.weights)


def test_other_positions_are_reported_and_used(case: ReferenceCase, tmp_path: Path) -> None:
    found = _changed(case, tmp_path, lambda table: table["image"].update(output=5))
    made, comparison = build_int8_graph(case.quantized, found)
    assert comparison.describe()["different"] == [
        {"layer": "image", "role": "output", "builtin": 6, "vitis": 5}
    ]
    assert made.graph.op("image_fix").tensor.fix_point == 5
    assert case.quantized.graph.op("image_fix").tensor.fix_point == 6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t["image"].clear(), "got only there: none; only here: image output"),
        (lambda t: t.update(new={"output": 3}), "got only there: new output; only here: none"),
    ],
    ids=["missing", "more"],
)
def test_other_tensors_are_an_error(
    case: ReferenceCase, tmp_path: Path, change: Any, message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        build_int8_graph(case.quantized, _changed(case, tmp_path, change))


def test_weights_of_another_shape_are_an_error(case: ReferenceCase, tmp_path: Path) -> None:
    found = _stored(case, tmp_path / "quantized.h5")
    key = next(iter(found.weights))
    found.weights[key] = found.weights[key][..., :-1]
    with pytest.raises(ModelError, match=f"weights {key} of the quantized model must have shape"):
        build_int8_graph(case.quantized, found)
