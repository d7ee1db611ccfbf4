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
