"""The first tensor in which two networks differ."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from host.__main__ import main
from host.xmodel.reader import read_xmodel
from host.xmodel.writer import write_xmodel


@pytest.fixture
def images(shared: Path) -> str:
    return str(shared / "given" / "quantizer" / "test_images.npz")


def _changed(model: Path, op_name: str, folder: Path) -> Path:
    """Write a copy of a compiled file whose op's bias has one other code; returns its path."""
    graph = read_xmodel(model)
    bias = graph.input(graph.op(op_name), "bias")
    assert bias.data is not None
    (subgraph,) = graph.subgraphs("DPU")
    blob = bytearray(subgraph.attrs["reg_id_to_parameter_value"]["REG_0"])
    blob[bias.tensor.attrs["ddr_addr"]] = (int(bias.data[0]) + 40) & 0xFF
    subgraph.attrs["reg_id_to_parameter_value"]["REG_0"] = bytes(blob)
    write_xmodel(graph, folder / "changed.xmodel")
    return folder / "changed.xmodel"


def _diff(capsys: pytest.CaptureFixture[str], *options: object) -> dict[str, object]:
    capsys.readouterr()
    assert main(["diff", *map(str, options), "--json"]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("name", ["signnet", "tutorial"])
def test_compiled_and_int8_model_are_equal(
    name: str, released: dict[str, Path], images: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = released[name]
    files = [folder / f"{name}.xmodel", folder / f"{name}_int.xmodel"]
    found = _diff(capsys, *files, "--images", images, "--count", 4)
    assert found["first"] is None and found["images"] == 4
    tensors = found["tensors"]
    assert isinstance(tensors, list) and len(tensors) >= 10
    assert {entry["kind"] for entry in tensors[:-1]} == {"codes"}
    assert main(["diff", *map(str, files), "--images", images, "--count", "1", "--fail"]) == 0
    assert "no difference in" in capsys.readouterr().out


def test_one_changed_code_is_found_where_it_first_shows(
    released: dict[str, Path], images: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = released["signnet"] / "signnet.xmodel"
    changed = _changed(model, "conv2a", tmp_path)
    found = _diff(capsys, model, changed, "--images", images, "--count", 2)
    first = found["first"]
    assert isinstance(first, dict)
    assert first["tensor"] == "relu2a_fix" and first["kind"] == "codes"
    assert first["first"][3] == 0  # the channel whose bias it is
    assert first["count"] <= first["values"] / 32  # one channel of 32
    options = ["diff", str(model), str(changed), "--images", images, "--count", "1"]
    assert main([*options, "--fail"]) == 1
    assert "first difference: relu2a_fix at [0, " in capsys.readouterr().out


def test_against_the_float_model_the_noise_is_small(
    released: dict[str, Path], images: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = released["signnet"]
    found = _diff(
        capsys, folder / "signnet.xmodel", folder / "float.keras", "--images", images, "--count", 8
    )
    tensors = found["tensors"]
    assert isinstance(tensors, list)
    names = [entry["other"] for entry in tensors]
    assert names[:3] == ["image", "relu1a", "relu1b"] and names[-1] == "softmax"
    assert all(entry["snr_db"] > 15 for entry in tensors)


def test_errors_are_one_line(
    released: dict[str, Path], images: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(released["signnet"] / "signnet.xmodel")
    np.savez(tmp_path / "small.npz", x=np.zeros((2, 5, 5, 1), np.uint8))
    for options, message in (
        ([model, model, "--images", str(tmp_path / "small.npz")], "images must fit the input"),
        ([model, str(tmp_path / "none.keras"), "--images", images], "got no file at"),
        ([model, str(tmp_path / "none.xmodel"), "--images", images], "model file must be readable"),
    ):
        assert main(["diff", *options]) == 1
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1
