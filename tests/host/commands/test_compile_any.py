"""Networks that are no letter readers: compiled, run and inspected, without a manifest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.__main__ import main
from host.quiet import import_keras

import_keras()
import keras  # noqa: E402
from keras import layers  # noqa: E402

IMAGES = np.random.default_rng(0).uniform(0, 1, (8, 6, 8, 3)).astype(np.float32)


def _model(outputs: int) -> keras.Model:
    keras.utils.set_random_seed(1)
    image = layers.Input(IMAGES.shape[1:], name="image")
    y = layers.Conv2D(4, 3, activation="relu", name="c1")(image)
    heads = [layers.Conv2D(5, 1, name=f"head{number}")(y) for number in range(outputs)]
    return keras.Model(image, heads if outputs > 1 else heads[0], name="net")


@pytest.fixture(params=[1, 2], ids=["one output", "two outputs"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    _model(request.param).save(tmp_path / "net.keras")
    np.savez(tmp_path / "images.npz", x=IMAGES)
    options = ["--images", str(tmp_path / "images.npz"), "--count", "8", "--out", str(tmp_path)]
    options += ["--outputs-for", str(tmp_path / "images.npz")]
    assert main(["quantize", str(tmp_path / "net.keras"), *options]) == 0
    return tmp_path


def _json(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    capsys.readouterr()
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_compile_run_and_inspect(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    compiled = _json(capsys, "compile", folder)
    assert compiled["manifest"] is None
    assert compiled["subgraphs"]["DPU"] == 1
    assert not (folder / "model.json").exists() and not (folder / "golden").exists()
    assert main(["compile", str(folder)]) == 0
    assert "no model.json and no golden vectors" in capsys.readouterr().err
    with np.load(folder / "outputs_int8.npz") as stored:
        expected = {name: stored[name] for name in stored}
    np.savez(folder / "inputs.npz", input=expected["image"])
    ran = _json(capsys, "run", folder / "net.xmodel", folder / "inputs.npz", folder / "out.npz")
    assert ran["stopped_at"] is None
    with np.load(folder / "out.npz") as got:
        heads = [name for name in expected if name.startswith("head")]
        for name in heads:
            assert np.array_equal(got[f"{name}_fix"], expected[name])
    described = _json(capsys, "inspect", folder / "net.xmodel")
    assert described["compiled"] and described["toolchain"] == "builtin"


@pytest.mark.parametrize("codes", [False, True], ids=["real values", "codes"])
def test_a_network_that_is_not_compiled_runs_too(
    codes: bool, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with np.load(folder / "outputs_int8.npz") as stored:
        expected = {name: stored[name] for name in stored}
    np.savez(folder / "inputs.npz", input=expected["image"] if codes else IMAGES)
    model = folder / "net_int.xmodel"
    _json(capsys, "run", model, folder / "inputs.npz", folder / "out.npz")
    position = json.loads((folder / "positions.json").read_text())["head0"]["output"]
    with np.load(folder / "out.npz") as got:
        np.testing.assert_array_equal(got["head0_fix"], expected["head0"] * 2.0**-position)


def test_values_of_an_unknown_op_let_the_run_go_on(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = shared / "given" / "xmodels" / "vai3.0.tf2_custom_op_zcu.xmodel"
    with np.load(model.with_suffix(".npz")) as given:
        codes = given["input"][:2]
    np.savez(tmp_path / "short.npz", input=codes)
    short = _json(capsys, "run", model, tmp_path / "short.npz", tmp_path / "out.npz")
    assert short["stopped_at"]["type"] == "Mylayer"
    made = short["stopped_at"]["op"]
    values = np.zeros((2, 2, 2, 64), np.float32)
    np.savez(tmp_path / "long.npz", input=codes, **{made: values})
    whole = _json(capsys, "run", model, tmp_path / "long.npz", tmp_path / "out.npz")
    assert whole["stopped_at"] is None
    assert set(short["tensors"]) < set(whole["tensors"])
    last = list(whole["tensors"])[-1]
    with np.load(tmp_path / "out.npz") as got:
        assert got[last].dtype == np.float32 and got[last].shape == (2, 10)
        assert np.array_equal(got[last][0], got[last][1])  # the same zeros for both rows


GRAY = np.random.default_rng(1).uniform(0, 1, (8, 12, 12, 1)).astype(np.float32)


def _quantize(y: Any, image: Any, folder: Path, name: str = "net", *options: str) -> None:
    keras.Model(image, y, name="net").save(folder / "net.keras")
    np.savez(folder / "gray.npz", x=GRAY)
    given = ["--images", str(folder / "gray.npz"), "--count", "8", "--out", str(folder)]
    source = str(folder / "net.keras")
    assert main(["quantize", source, *given, "--name", name, "--no-report", *options]) == 0


def _letters(image: Any) -> Any:
    y = layers.Conv2D(4, 3, strides=3, name="c")(image)
    return layers.Dense(25, name="fc")(layers.Flatten(name="f")(y))


def test_what_changes_the_answer_behind_the_dpu_gets_no_manifest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = layers.Input(GRAY.shape[1:], name="image")
    y = layers.BatchNormalization(name="bn")(layers.ReLU(name="r")(_letters(image)))
    _quantize(y, image, tmp_path)
    assert _json(capsys, "compile", tmp_path)["manifest"] is None
    assert not (tmp_path / "model.json").exists()
    assert main(["compile", str(tmp_path)]) == 0
    assert "got op 'bn' (batchnorm)" in capsys.readouterr().err
    assert main(["simulate", "none.avi", "--model", str(tmp_path / "net.xmodel")]) == 1
    assert "got op 'bn' (batchnorm)" in capsys.readouterr().err


def test_a_manifest_of_the_model_before_does_not_stay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = layers.Input(GRAY.shape[1:], name="image")
    _quantize(_letters(image), image, tmp_path)
    assert _json(capsys, "compile", tmp_path)["manifest"] is not None
    _quantize(layers.Conv2D(3, 3, name="c")(image), image, tmp_path)
    assert _json(capsys, "compile", tmp_path)["manifest"] is None
    assert not (tmp_path / "model.json").exists()
    assert not (tmp_path / "golden" / "vectors.npz").exists()


@pytest.mark.parametrize(
    "content",
    ["[]", "null", '{"config": null}', '{"input": []}', "{"],
    ids=["list", "null", "config", "input", "cut"],
)
def test_damaged_facts_are_one_line(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = layers.Input(GRAY.shape[1:], name="image")
    _quantize(_letters(image), image, tmp_path)
    (tmp_path / "train.json").write_text(content)
    capsys.readouterr()
    assert main(["compile", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert "training facts must be" in error and error.count("\n") == 1


@pytest.mark.parametrize("name", ["/abs", "**", "*", "../x"])
def test_odd_names_are_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compile", str(tmp_path), "--name", name]) == 1
    assert "name of the model" in capsys.readouterr().err


def test_stale_layer_reports_go(tmp_path: Path) -> None:
    image = layers.Input(GRAY.shape[1:], name="image")
    (tmp_path / "layers.md").write_text("of another network")
    _quantize(_letters(image), image, tmp_path)
    assert not (tmp_path / "layers.md").exists()


def test_a_folder_that_cannot_be_written_is_found_out_first(
    tmp_path: Path, read_only: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = layers.Input(GRAY.shape[1:], name="image")
    keras.Model(image, _letters(image), name="net").save(tmp_path / "net.keras")
    np.savez(tmp_path / "gray.npz", x=GRAY)
    options = ["--images", str(tmp_path / "gray.npz"), "--count", "8", "--fast-finetune"]
    source = str(tmp_path / "net.keras")
    assert main(["quantize", source, *options, "--out", str(read_only / "out")]) == 1
    error = capsys.readouterr().err
    assert "output folder must be writable" in error and "finetuned" not in error


def test_a_dollar_in_a_layers_name_is_no_formula(tmp_path: Path) -> None:
    image = layers.Input(GRAY.shape[1:], name="image")
    model = keras.Model(image, layers.Conv2D(2, 3, name=r"a$\b$|c")(image), name="net")
    model.save(tmp_path / "net.keras")
    np.savez(tmp_path / "gray.npz", x=GRAY)
    options = ["--images", str(tmp_path / "gray.npz"), "--count", "4", "--out", str(tmp_path)]
    assert main(["quantize", str(tmp_path / "net.keras"), *options]) == 0
    assert (tmp_path / "layers.png").is_file()
    assert r"a$\b$\|c" in (tmp_path / "layers.md").read_text()


def test_finetuning_says_when_its_images_judge_themselves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = layers.Input(GRAY.shape[1:], name="image")
    _quantize(_letters(image), image, tmp_path, "net", "--fast-finetune", "--finetune-epochs", "1")
    assert "8 images, the same that it was finetuned on" in capsys.readouterr().out


def test_images_must_be_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = layers.Input(GRAY.shape[1:], name="image")
    keras.Model(image, _letters(image), name="net").save(tmp_path / "net.keras")
    x = GRAY.copy()
    x[5, 0, 0, 0] = np.nan
    np.savez(tmp_path / "gray.npz", x=x)
    options = ["--images", str(tmp_path / "gray.npz"), "--count", "4", "--out", str(tmp_path)]
    assert main(["quantize", str(tmp_path / "net.keras"), *options]) == 1
    assert "must be finite, got a value that is not in image 5" in capsys.readouterr().err
