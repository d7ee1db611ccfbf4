"""The whole way with TensorFlow 2.12 and stand-ins for AMD's two tools."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.__main__ import main
from host.graph.from_keras import from_keras
from host.graph.keras_file import load_keras_model
from host.quiet import import_keras
from host.runners.emulator import EmulatorRunner
from host.vitis.config import VitisConfig
from host.vitis.job import JobImages, JobSettings, QuantizeOptions, write_job
from host.vitis.network import make_portable
from target.manifest import load_manifest
from tests.vitis_tools.prefix import ROOT, make_docker, make_environment

import_keras()
import keras  # noqa: E402
from keras import layers  # noqa: E402

pytestmark = pytest.mark.slow
IMAGE = "xilinx/vitis-ai-tensorflow2-cpu:ubuntu2004-3.0.0.119"
SIZE = (8, 6, 2)


def _stem(x: Any) -> Any:
    return layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same", use_bias=False)(x))


BUILDS: dict[str, Any] = {
    "strides": layers.Conv2D(4, 3, strides=2, padding="same", activation="relu"),
    "dilation": layers.Conv2D(4, 3, dilation_rate=2),
    "depthwise": layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same"),
    "separable": layers.SeparableConv2D(3, 3, activation="swish"),
    "transposed same": layers.Conv2DTranspose(3, 3, strides=2, padding="same"),
    "transposed valid": layers.Conv2DTranspose(3, (3, 2), strides=(2, 1)),
    "batch norm alone": lambda x: layers.BatchNormalization(epsilon=1e-7)(layers.ReLU()(_stem(x))),
    "rescaling": lambda x: _stem(layers.Rescaling(1 / 127.5, offset=-1)(x)),
    "dropouts": lambda x: layers.SpatialDropout2D(0.5)(layers.Dropout(0.5)(_stem(x))),
    "relu6": lambda x: layers.Activation("relu6")(layers.ReLU(6.0)(_stem(x))),
    "leaky": lambda x: layers.ReLU(negative_slope=0.2)(layers.LeakyReLU(negative_slope=0.1)(x)),
    "prelu": lambda x: layers.PReLU()(layers.PReLU(shared_axes=[1, 2])(x)),
    "curves": lambda x: layers.Activation("gelu")(layers.Activation("selu")(_stem(x))),
    "swish": lambda x: layers.Activation("softplus")(layers.Activation("swish")(_stem(x))),
    "averages": lambda x: layers.AveragePooling2D(3, 2, "same")(layers.MaxPooling2D(2)(x)),
    "global": lambda x: layers.Concatenate()(
        [layers.GlobalAveragePooling2D()(x), layers.GlobalMaxPooling2D()(x)]
    ),
    "kept dims": layers.GlobalAveragePooling2D(keepdims=True),
    "branches": lambda x: layers.Multiply()([layers.Add()([x, x]), layers.Conv2D(2, 1)(x)]),
    "padding": lambda x: layers.ZeroPadding2D(((1, 0), (0, 2)))(layers.UpSampling2D(2)(x)),
    "bilinear": layers.UpSampling2D(2, interpolation="bilinear"),
    "dense": lambda x: layers.Softmax()(layers.Dense(5)(layers.Dense(4)(layers.Flatten()(x)))),
    "used twice": lambda x: layers.Reshape((16, 12))(layers.Concatenate(1)([x, x])),
}


@pytest.fixture(scope="session")
def tensorflow2() -> Path:
    """Interpreter with TensorFlow 2.12."""
    python = ROOT / ".venv-vitis" / "bin" / "python"
    if not python.is_file():
        pytest.skip("no TensorFlow 2.12 in this checkout; run make setup-vitis")
    return python


@pytest.fixture
def docker(tensorflow2: Path, tmp_path: Path) -> str:
    """A docker that has AMD's image."""
    arch = {"target": "DPUCZDX8G_ISA1_B4096"}
    environment = make_environment(tmp_path / "environment", tensorflow2, arch)
    return str(make_docker(tmp_path / "docker", environment, [IMAGE]))


def _write(folder: Path, model: Any, images: np.ndarray) -> str:
    settings = JobSettings(QuantizeOptions(), VitisConfig(), {})
    graph = make_portable(from_keras(model))
    graph.name = "net"
    write_job(folder, graph, JobImages(images, images), settings)
    return str(folder)


def test_rebuilt_networks_compute_the_same(
    tensorflow2: Path, shared: Path, released: dict[str, Path], tmp_path: Path
) -> None:
    generator = np.random.default_rng(5)
    random = generator.uniform(0, 1, (8, *SIZE)).astype(np.float32)
    jobs = []
    for name, build in BUILDS.items():
        keras.utils.set_random_seed(7)
        image = keras.Input(SIZE, name="image")
        model = keras.Model(image, build(image))
        model.set_weights([w + generator.uniform(0.1, 0.4, w.shape) for w in model.get_weights()])
        jobs.append(_write(tmp_path / name, model, random))
    given = shared / "given" / "quantizer"
    with np.load(given / "test_images.npz") as stored:
        real = stored["x"].astype(np.float32) / np.float32(255)
    folders = [given / case for case in ("cnn_a", "cnn_c", "cnn_e")] + list(released.values())
    for folder in folders:
        model = load_keras_model(folder / "float.keras")
        jobs.append(_write(tmp_path / folder.name, model, real))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [str(tensorflow2), str(ROOT / "tests/vitis_tools/rebuild.py"), *jobs]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    found = json.loads(ran.stdout.splitlines()[-1])
    assert len(found) == len(jobs)
    assert {Path(job).name: d for job, d in found.items() if d > 1e-5} == {}


def test_quantize_and_compile_in_the_container(
    docker: str, shared: Path, released: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "signnet"
    folder.mkdir()
    for name in ("float.keras", "train.json"):
        shutil.copy(released["signnet"] / name, folder)
    tools = ["--toolchain", "vitis", "--docker", docker]
    images = ["--images", str(shared / "given" / "quantizer" / "calib_images.npz")]
    assert main(["quantize", str(folder), *images, "--count", "96", *tools, "--fast-finetune"]) == 0
    facts = json.loads((folder / "quantize.json").read_text())
    assert facts["toolchain"]["where"] == IMAGE
    assert facts["options"]["fast_finetune_epochs"] == 10
    assert facts["comparison"]["different"] == []
    assert facts["golden"]["different"] == facts["golden"]["outputs_different"] == 0
    assert facts["golden"]["tensors"] > 20
    assert facts["evaluation"]["agreement"] > 0.9
    assert main(["compile", str(folder), *tools]) == 0
    manifest = load_manifest(folder)
    manifest.verify()
    assert manifest.toolchain == "vitis"
    assert manifest.content["toolchain"]["versions"]["tensorflow"] == "2.12.1"
    assert EmulatorRunner(manifest).input.shape == (1, 28, 28, 1)
    builtin = tmp_path / "builtin"
    shutil.copytree(folder, builtin, ignore=shutil.ignore_patterns("vitis", "m*"))
    assert main(["quantize", str(builtin), *images, "--count", "96", "--name", "signnet"]) == 0
    assert main(["compile", str(builtin)]) == 0
    left = {path.name for path in folder.iterdir()} - {"vitis", "meta.json", "md5sum.txt"}
    assert left == {path.name for path in builtin.iterdir()}


def test_training_with_quantization(
    docker: str, small_archive: Path, released: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "signnet"
    folder.mkdir()
    for name in ("float.keras", "train.json"):
        shutil.copy(released["signnet"] / name, folder)
    data = ["--data", str(small_archive), "--cache", str(tmp_path / "cache"), "--count", "64"]
    options = ["--toolchain", "vitis", "--docker", docker, "--qat-epochs", "2", "--no-report"]
    assert main(["quantize", str(folder), *data, *options, "--qat-learning-rate", "0.001"]) == 0
    facts = json.loads((folder / "quantize.json").read_text())
    assert [record["epoch"] for record in facts["qat"]] == [0, 1, 2]
    assert facts["comparison"]["weights_different"] > 0  # it has trained
    assert facts["evaluation"]["accuracy"]["quantized"] > facts["evaluation"]["accuracy"]["float"]
    assert main(["compile", str(folder), "--toolchain", "vitis", "--docker", docker]) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"target": "DPUCZDX8G_ISA0_B4096_MAX_BG2"},
            "arch.json must be for target DPUCZDX8G_ISA1_B4096",
        ),
        (
            {"fingerprint": "0x101000016010407"},
            "arch.json must be for fingerprint 0x101000056010407",
        ),
    ],
    ids=["target", "fingerprint"],
)
def test_container_of_another_release(
    tensorflow2: Path,
    released: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, str],
    message: str,
) -> None:
    python = make_environment(tmp_path / "environment", tensorflow2, change)
    shutil.copy(released["signnet"] / "float.keras", tmp_path)
    x = np.random.default_rng(0).integers(0, 256, (40, 28, 28, 1), np.uint8)
    np.savez(tmp_path / "images.npz", x=x)
    tools = ["--toolchain", "vitis", "--python", str(python)]
    images = ["--images", str(tmp_path / "images.npz"), "--count", "32", "--no-report"]
    assert main(["quantize", str(tmp_path), "--name", "net", *images, *tools]) == 0
    assert main(["compile", str(tmp_path), *tools]) == 1
    assert message in capsys.readouterr().err
