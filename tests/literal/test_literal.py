"""Tests of the literal interpreter on whole models: one written by hand, and real compiled files.

Must not import host or target; numpy only reads the stored inputs and outputs.
Source: compiled files published by AMD and Beetlebox with the outputs they must give.
"""

from __future__ import annotations

import ast
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.literal import interpreter
from tests.literal.ops import Tensor
from tests.literal.written import field, written_model, written_op

HERE = Path(__file__).parent

RESHAPE = written_op("flat", "reshape-fix", [1, 2], {"input": "conv"}, numbers={"fix_point": -1})


MODULES = [path for path in sorted(HERE.rglob("*.py")) if not path.name.startswith("test_")]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(HERE).as_posix())
def test_modules_import_only_each_other_and_the_standard_library(path: Path) -> None:
    imported: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add("." * node.level + str(node.module))
    outside = {name for name in imported if not name.startswith("tests.literal.")}
    assert {name for name in outside if name.split(".")[0] not in sys.stdlib_module_names} == set()


def test_a_whole_model_runs_and_names_every_tensor(tmp_path: Path) -> None:
    path = tmp_path / "tiny.xmodel"
    path.write_bytes(written_model(RESHAPE, "flat"))
    model = interpreter.load(str(path))
    result = interpreter.run(model, [10, -50, 127])
    # weights -1 and 2: -10 - 100 = -110 gives -11.17; 50 + 254 = 304
    assert {name: tensor.values for name, tensor in result.items()} == {
        "in_t": [10, -50, 127],
        "up_t": [10, -50, 127],
        "w_t": [-1, 2],
        "conv_t": [-11, 127],
        "flat_t": [-11, 127],
        "down_t": [-11, 127],
    }
    assert result["down_t"] == Tensor((1, 2), [-11, 127], -1)
    assert interpreter.output_names(model) == ["down_t"]
    assert interpreter.run(model, bytes([10, 206, 127])) == result
    assert interpreter.run(model, np.array([10, -50, 127], np.int64)) == result
    with pytest.raises(ValueError, match=r"codes must be -128..127, got -50..128"):
        interpreter.run(model, [10, -50, 128])
    with pytest.raises(ValueError, match="number of values must be 3, got 2"):
        interpreter.run(model, [10, -50])
    with pytest.raises(ValueError, match="DPU subgraph must be below 1, got 1"):
        interpreter.run(model, [10, -50, 127], subgraph=1)


def test_an_unknown_op_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tiny.xmodel"
    path.write_bytes(written_model(RESHAPE.replace(b"reshape-fix", b"reshuffling"), "flat"))
    with pytest.raises(NotImplementedError, match=r"flat: type must be one of .*, got reshuffling"):
        interpreter.run(interpreter.load(path), [1, 2, 3])


def test_load_rejects_an_op_before_its_producer(tmp_path: Path) -> None:
    path = tmp_path / "tiny.xmodel"
    path.write_bytes(field(1, "g") + RESHAPE + field(10, field(1, "root")))
    with pytest.raises(ValueError, match="flat: producer must come before, got conv"):
        interpreter.load(path)


# Real compiled files


@pytest.mark.parametrize("real", [False, True], ids=["random", "real"])
@pytest.mark.parametrize(
    "name",
    [
        "beetlebox_sign_language_mnist_a",
        "dpupynq35_mnist_kria",
        "vai2.5.tf2_custom_op_zcu",
        "vai3.0.tf2_custom_op_zcu",
    ],
)
def test_real_files_give_their_stored_outputs(shared: Path, name: str, real: bool) -> None:
    folder = shared / "given" / "xmodels"
    model = interpreter.load(folder / f"{name}.xmodel")
    with np.load(folder / f"{name}.npz") as stored:
        row = int(np.flatnonzero(stored["real"] == real)[0])
        codes = stored["input"][row].tobytes()
        expected = stored["output"][row].ravel().tolist()
    (output,) = interpreter.output_names(model)
    assert interpreter.run(model, codes)[output].values == expected


def test_cpu_ops_turn_codes_into_probabilities(shared: Path) -> None:
    folder = shared / "given" / "xmodels"
    model = interpreter.load(folder / "dpupynq35_mnist_kria.xmodel")
    with np.load(folder / "dpupynq35_mnist_kria.npz") as stored:
        row = int(np.flatnonzero(stored["real"])[0])  # the first MNIST test image, a 7
        result = interpreter.run(model, stored["input"][row].tobytes())
    codes = result["quant_dense_1_softmax_fix"]
    logits, probabilities = interpreter.run_cpu(model, result).values()
    assert logits.values == [code / 4 for code in codes.values]
    assert probabilities.dims == (1, 10)
    assert sum(probabilities.values) == pytest.approx(1)
    assert probabilities.values.index(max(probabilities.values)) == 7
    ratio = probabilities.values[7] / probabilities.values[3]
    assert ratio == pytest.approx(float(np.exp((codes.values[7] - codes.values[3]) / 4)))


def test_a_later_subgraph_reads_its_own_register(shared: Path) -> None:
    model = interpreter.load(shared / "given" / "xmodels" / "vai3.0.tf2_custom_op_zcu.xmodel")
    first, second = (
        np.frombuffer(subgraph["attrs"]["reg_id_to_parameter_value"]["REG_0"], np.int8).tolist()
        for subgraph in model.subgraphs
        if subgraph["attrs"]["device"] == "DPU"
    )
    last = [op["type"] for op in model.ops].index("hard-sigmoid-fix")
    before = replace(model, ops=model.ops[:last])
    result = interpreter.run(before, [0] * 256, subgraph=1)
    (weights,) = (tensor for tensor in result.values() if tensor.dims == (10, 2, 2, 64))
    (address,) = (
        op["tensor"]["attrs"]["ddr_addr"]
        for op in model.ops
        if op["tensor"]["dims"] == [10, 2, 2, 64]
    )
    assert weights.values == second[address : address + 2560]
    assert weights.values != first[address : address + 2560]


def test_hard_sigmoid_of_a_real_file(shared: Path) -> None:
    model = interpreter.load(shared / "given" / "xmodels" / "vai3.0.tf2_custom_op_zcu.xmodel")
    result = interpreter.run(model, [8] * 256, subgraph=1)
    (name,) = interpreter.output_names(model, subgraph=1)
    logits = result["quant_dense(TransferMatMulToConv2d)_inserted_fix_1"]
    assert (logits.values, logits.fix_point) == ([-8, 1, -11, -7, -17, -9, -13, -7, -20, -13], 2)
    # The file says hsigmoid_in 2 and shift_hsigmoid 9: (x * 2731 + 3 * 2731 * 4) / 512, that is
    # 21.34, 69.34, 5.33, 26.67, below 0, 16.002 and so on.
    assert result[name].values == [21, 69, 5, 27, 0, 16, 0, 27, 0, 0]


def test_a_window_100_wide_on_three_of_the_12000_pillars(shared: Path) -> None:
    folder = shared / "given" / "xmodels"
    model = interpreter.load(folder / "vai3.0.pointpillars_zcu.xmodel")
    with np.load(folder / "vai3.0.pointpillars_zcu.npz") as stored:
        image, output = stored["input"][0], stored["output"][0]
    rows = np.flatnonzero(image.any(axis=(1, 2)))[:3]  # the layers never mix pillars
    for op in model.ops:
        op["tensor"]["dims"] = [3 if size == 12000 else size for size in op["tensor"]["dims"]]
    (name,) = interpreter.output_names(model)
    result = interpreter.run(model, image[rows].tobytes())
    assert result[name].dims == (1, 3, 1, 64)
    assert result[name].values == output[rows].ravel().tolist()
