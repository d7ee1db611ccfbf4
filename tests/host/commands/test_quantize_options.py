"""Options of quantize on small networks of the test's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.__main__ import main
from host.quiet import import_keras
from host.xmodel.reader import read_xmodel

import_keras()
import keras  # noqa: E402
from keras import layers  # noqa: E402

IMAGES = np.random.default_rng(0).uniform(0, 1, (24, 6, 8, 3)).astype(np.float32)
Build = Callable[[Any], Any]


def _save(build: Build, folder: Path) -> str:
    keras.utils.set_random_seed(1)
    image = layers.Input(IMAGES.shape[1:], name="image")
    y = layers.Flatten(name="flat")(build(image))
    model = keras.Model(image, layers.Dense(4, activation="softmax", name="fc")(y), name="net")
    model.save(folder / "net.keras")
    return str(folder / "net.keras")


def _conv(image: Any) -> Any:
    return layers.ReLU(6.0, name="r6")(layers.Conv2D(4, 3, name="c1")(image))


def _two_convs(image: Any) -> Any:
    return layers.Conv2D(4, 3, name="c2")(_conv(image))


@pytest.fixture
def images(tmp_path: Path) -> str:
    np.savez(tmp_path / "images.npz", x=IMAGES)
    return str(tmp_path / "images.npz")


def _quantize(model: str, images: str, out: Path, *options: str) -> dict[str, Any]:
    arguments = [model, "--images", images, "--out", str(out), "--count", "16", *options]
    assert main(["quantize", *arguments, "--batch-size", "8"]) == 0
    positions: dict[str, Any] = json.loads((out / "positions.json").read_text())
    return positions


def test_relu6_is_equalized_across_only_when_asked(images: str, tmp_path: Path) -> None:
    model = _save(_two_convs, tmp_path)
    _quantize(model, images, tmp_path / "a", "--no-report")
    _quantize(model, images, tmp_path / "b", "--no-report", "--relu6-to-relu")
    _quantize(model, images, tmp_path / "c", "--no-report", "--relu6-to-relu", "--no-equalize")
    weights = {}
    for name in "abc":
        with np.load(tmp_path / name / "weights_int8.npz") as stored:
            weights[name] = stored["c1/kernel"]
    assert not np.array_equal(weights["a"], weights["b"])
    assert np.array_equal(weights["a"], weights["c"])
    types = {op.name: op.type for op in read_xmodel(tmp_path / "b" / "net_int.xmodel")}
    assert types["r6"] == "relu"


def test_report_is_written_unless_refused(images: str, tmp_path: Path) -> None:
    model = _save(_conv, tmp_path)
    _quantize(model, images, tmp_path / "plain", "--no-report")
    assert not list((tmp_path / "plain").glob("layers.*"))
    positions = _quantize(model, images, tmp_path / "out")
    analysis = json.loads((tmp_path / "out" / "layers.json").read_text())
    assert analysis["images"] == 8  # those behind the calibration images
    assert analysis["accuracy"] is None
    layers_of = {layer["layer"]: layer["places"] for layer in analysis["layers"]}
    for layer, places in layers_of.items():
        assert {role: place["position"] for role, place in places.items()} == positions[layer]
    assert (tmp_path / "out" / "layers.md").read_text().count("| c1") == 1
    assert (tmp_path / "out" / "layers.png").read_bytes().startswith(b"\x89PNG")


def test_classes_of_the_images_give_an_accuracy(tmp_path: Path) -> None:
    np.savez(tmp_path / "images.npz", x=IMAGES, y=np.zeros(len(IMAGES), np.int64))
    model = _save(_conv, tmp_path)
    _quantize(model, str(tmp_path / "images.npz"), tmp_path / "out")
    analysis = json.loads((tmp_path / "out" / "layers.json").read_text())
    assert 0 <= analysis["accuracy"] <= 1 and 0 <= analysis["float_accuracy"] <= 1


@pytest.mark.parametrize(
    "classes", [np.zeros(3, np.int64), np.zeros(24, np.float32)], ids=["count", "kind"]
)
def test_wrong_classes(
    classes: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(tmp_path / "images.npz", x=IMAGES, y=classes)
    options = [_save(_conv, tmp_path), "--images", str(tmp_path / "images.npz"), "--count", "8"]
    assert main(["quantize", *options, "--out", str(tmp_path / "out")]) == 1
    assert "array 'y' must be whole numbers, one for each of 24 images" in capsys.readouterr().err


def test_fast_finetune_says_what_it_did(
    images: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = _save(_conv, tmp_path)
    options = ["--fast-finetune", "--finetune-epochs", "2", "--json"]
    _quantize(model, images, tmp_path / "out", *options)
    found = json.loads(capsys.readouterr().out)["fast_finetune"]
    assert [layer["layer"] for layer in found["layers"]] == ["c1", "fc"]
    assert all(layer["epochs"] <= 2 for layer in found["layers"])
    assert found["images"] == 8 and {"before", "after"} <= set(found)
    written = json.loads((tmp_path / "out" / "quantize.json").read_text())
    assert written["fast_finetune"]["epochs"] == 2


def test_a_separable_convolution_loses_its_activation_as_the_tool_has_it(
    images: str, tmp_path: Path
) -> None:
    separable = layers.SeparableConv2D(4, 3, activation="relu", name="s")
    model = _save(lambda image: layers.Conv2D(3, 1, name="c")(separable(image)), tmp_path)
    ours = _quantize(model, images, tmp_path / "a", "--no-report")
    tool = _quantize(model, images, tmp_path / "b", "--no-report", "--match-vai-q")
    assert set(ours) - set(tool) == {"s_relu"} and not set(tool) - set(ours)
    assert "output" not in ours["s_pointwise_conv"] and "output" in tool["s_pointwise_conv"]
    assert ours["image"] == tool["image"]
    assert ours["s_depthwise_conv"] == tool["s_depthwise_conv"]


def test_only_an_average_over_a_rectangle_is_another_one(images: str, tmp_path: Path) -> None:
    def build(image: Any) -> Any:
        square = layers.AveragePooling2D(3, 1, padding="same", name="square")(image)
        return layers.AveragePooling2D((2, 3), 1, padding="same", name="oblong")(square)

    model = _save(build, tmp_path)
    factors = {}
    for name, options in (("a", []), ("b", ["--match-vai-q"])):
        _quantize(model, images, tmp_path / name, "--no-report", *options)
        graph = read_xmodel(tmp_path / name / "net_int.xmodel")
        factors[name] = [op.attrs.get("dpu_factor") for op in graph.of_type("avgpool2d")]
    assert factors == {"a": [[7, 6], [85, 9]], "b": [[7, 6], None]}


def test_keras_2_and_sequential_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(__file__).parents[1] / "graph" / "keras2"
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "i.npz", x=rng.uniform(-1, 1, (16, 8, 6, 2)).astype(np.float32))
    for name in ("functional", "sequential"):
        out = tmp_path / name
        _quantize(str(folder / f"{name}.h5"), str(tmp_path / "i.npz"), out, "--no-report")
        assert (out / f"{name}_int.xmodel").is_file()
    options = [str(folder / "sequential.h5"), "--images", str(tmp_path / "i.npz"), "--count", "16"]
    capsys.readouterr()
    assert main(["quantize", *options, "--out", str(tmp_path / "x"), "--match-vai-q"]) == 1
    assert "must be functional to be quantized as AMD's tool does it" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written(
    images: str, tmp_path: Path, read_only: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = _save(_conv, tmp_path)
    options = [model, "--images", images, "--count", "8", "--out", str(read_only / "out")]
    assert main(["quantize", *options]) == 1
    assert "must be writable" in capsys.readouterr().err
