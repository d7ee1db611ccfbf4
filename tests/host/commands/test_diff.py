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


def _dense(folder: Path, name: str, layers_named: str = "", outputs: int = 5) -> Path:
    """Save a small Keras model; `layers_named` is put in front of its layers' names."""
    from host.quiet import import_keras

    import_keras()
    import keras
    from keras import layers

    keras.utils.set_random_seed(3)
    image = layers.Input((6, 6, 1), name="image")
    y = layers.Conv2D(3, 3, activation="relu", name=f"{layers_named}conv")(image)
    y = layers.Dense(outputs, name=f"{layers_named}fc")(layers.Flatten(name=f"{layers_named}f")(y))
    path = folder / f"{name}.keras"
    keras.Model(image, y).save(path)
    return path


@pytest.fixture
def small_images(tmp_path: Path) -> str:
    x = np.random.default_rng(0).uniform(0, 1, (4, 6, 6, 1)).astype(np.float32)
    np.savez(tmp_path / "x.npz", x=x)
    return str(tmp_path / "x.npz")


def test_inputs_alone_are_no_comparison(
    tmp_path: Path, small_images: str, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = _dense(tmp_path, "a"), _dense(tmp_path, "b", "other_", 7)
    assert main(["diff", str(a), str(b), "--images", small_images]) == 1
    assert "computed tensors of the same names" in capsys.readouterr().err


def test_outputs_of_other_names_are_compared_by_place(
    tmp_path: Path, small_images: str, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = _dense(tmp_path, "a"), _dense(tmp_path, "b", "other_")
    found = _diff(capsys, a, b, "--images", small_images)
    tensors = found["tensors"]
    assert isinstance(tensors, list)
    assert [(t["tensor"], t["other"]) for t in tensors][-1] == ("fc", "other_fc")
    assert found["not_compared"] == []


def test_an_output_of_another_size_fails(
    tmp_path: Path, small_images: str, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = _dense(tmp_path, "a"), _dense(tmp_path, "b", outputs=7)
    found = _diff(capsys, a, b, "--images", small_images)
    assert found["not_compared"] == ["tensor 'fc' has 20 values and 28"]
    assert main(["diff", str(a), str(b), "--images", small_images, "--fail"]) == 1
    assert "not compared: tensor 'fc'" in capsys.readouterr().out


def test_what_is_behind_an_unknown_op_is_not_called_equal(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = shared / "given" / "xmodels" / "vai3.0.tf2_custom_op_zcu.xmodel"
    np.savez(tmp_path / "x.npz", x=np.zeros((2, 28, 28, 1), np.float32))
    options = [str(model), str(model), "--images", str(tmp_path / "x.npz")]
    (reason, *_) = _diff(capsys, *options)["not_compared"]  # type: ignore[misc]
    assert "stops at op" in reason and "is unknown" in reason
    assert main(["diff", *options, "--fail"]) == 1


def test_no_number_is_a_difference(
    tmp_path: Path, small_images: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from host.graph.keras_file import load_keras_model

    a = _dense(tmp_path, "a")
    model = load_keras_model(a)
    weights = model.get_weights()
    weights[-1][0] = np.nan
    model.set_weights(weights)
    model.save(tmp_path / "b.keras")
    found = _diff(capsys, a, tmp_path / "b.keras", "--images", small_images)
    first = found["first"]
    assert isinstance(first, dict)
    assert (first["tensor"], first["count"], first["largest"]) == ("fc", 4, None)


def test_relu6_to_relu_is_repeated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from host.quiet import import_keras

    import_keras()
    import keras
    from keras import layers

    image = layers.Input((4, 4, 1), name="image")
    y = layers.ReLU(6.0, name="r")(layers.Conv2D(2, 1, name="c")(image))
    model = keras.Model(image, layers.Flatten(name="f")(y))
    model.set_weights([np.full((1, 1, 1, 2), 8.0, np.float32), np.zeros(2, np.float32)])
    model.save(tmp_path / "m.keras")
    np.savez(tmp_path / "x.npz", x=np.full((4, 4, 4, 1), 1.0, np.float32))
    images = ["--images", str(tmp_path / "x.npz")]
    out = ["--count", "4", "--relu6-to-relu", "--out", str(tmp_path / "q")]
    assert main(["quantize", str(tmp_path / "m.keras"), *images, *out, "--no-report"]) == 0
    pair = [tmp_path / "q" / "m_int.xmodel", tmp_path / "m.keras", *images]
    assert _diff(capsys, *pair)["first"] is not None
    assert _diff(capsys, *pair, "--relu6-to-relu")["first"] is None
