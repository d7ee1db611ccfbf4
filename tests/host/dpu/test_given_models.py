"""Real compiled files: the emulator gives the codes that AMD's CPU implementation gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from host.dpu.emulator import Emulator
from host.xmodel.reader import read_xmodel

FILES = {
    "beetlebox_sign_language_mnist_a": None,
    "dpupynq35_mnist_kria": None,
    "vai2.5.tf2_custom_op_zcu": None,
    "vai3.0.tf2_custom_op_zcu": None,
    "vai3.0.pointpillars_zcu": 1,  # rows; all would take seconds
}


@pytest.mark.parametrize(("name", "rows"), FILES.items(), ids=FILES)
def test_first_dpu_subgraph_gives_the_stored_codes(
    shared: Path, name: str, rows: int | None
) -> None:
    folder = shared / "given" / "xmodels"
    graph = read_xmodel(folder / f"{name}.xmodel")
    first = graph.subgraphs("DPU")[0].all_ops()
    (last,) = (op for op in graph.of_type("download") if op.name in first)
    emulator = Emulator(graph, last.name)
    with np.load(folder / f"{name}.npz") as stored:
        codes, expected = stored["input"][:rows], stored["output"][:rows]
    values = emulator.run({emulator.inputs[0].name: codes}, keep=(last.name,))
    assert values[last.tensor.name].dtype == np.int8
    np.testing.assert_array_equal(values[last.tensor.name], expected)


@pytest.mark.parametrize("name", ["beetlebox_sign_language_mnist_a", "dpupynq35_mnist_kria"])
def test_the_whole_file_runs_to_probabilities(shared: Path, name: str) -> None:
    folder = shared / "given" / "xmodels"
    graph = read_xmodel(folder / f"{name}.xmodel")
    with np.load(folder / f"{name}.npz") as stored:
        codes, output = stored["input"], stored["output"]
    emulator = Emulator(graph)
    values = emulator.run({emulator.inputs[0].name: codes})
    (last,) = (op for op in graph.outputs() if op.type == "softmax")
    probabilities = values[last.tensor.name]
    np.testing.assert_allclose(probabilities.sum(axis=-1), np.ones(len(codes)), rtol=1e-5)
    best = np.take_along_axis(output, probabilities.argmax(axis=-1)[:, None], axis=-1)
    np.testing.assert_array_equal(best[:, 0], output.max(axis=-1))


def test_mnist_digits_are_read(shared: Path) -> None:
    folder = shared / "given" / "xmodels"
    with np.load(folder / "dpupynq35_mnist_kria.npz") as stored:
        codes = stored["input"][stored["real"]]
    graph = read_xmodel(folder / "dpupynq35_mnist_kria.xmodel")
    emulator = Emulator(graph)
    values = emulator.run({emulator.inputs[0].name: codes})
    *_, probabilities = values.values()
    digits = [7, 2, 1, 0, 4, 1, 4, 9, 5, 9, 0, 6, 9, 0, 1, 5]
    assert (probabilities.argmax(axis=-1) == digits).mean() >= 0.9
