"""Every runner of this machine passes the same checks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from host.data.calibration import treat_all
from host.data.sign_mnist import SignMnist, load_sign_mnist
from host.graph.keras_file import load_keras_model
from host.runners.emulator import EmulatorRunner
from host.runners.table import NAMES, RunnerNeeds, make_runner
from target.errors import BackendError
from target.manifest import Manifest, load_manifest
from target.runners.base import Runner
from target.text.labels import masked_argmax
from target.vision.postprocess import Postprocessor
from target.vision.preprocess import Preprocessor


@pytest.fixture(scope="module")
def signnet(released: dict[str, Path]) -> Manifest:
    return load_manifest(released["signnet"])


@pytest.fixture(scope="module")
def data(kaggle_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> SignMnist:
    return load_sign_mnist(kaggle_archive, tmp_path_factory.mktemp("cache"))


def check_runner(
    runner: Runner, manifest: Manifest, images: np.ndarray, labels: np.ndarray
) -> None:
    """What every runner must do, whatever is behind it."""
    assert runner.kind in ("measured", "emulated") and runner.device
    assert runner.threads is None or runner.threads >= 1
    preprocess = Preprocessor(manifest, runner.input)
    postprocess = Postprocessor(manifest.classes, runner.output, runner.gives_probabilities)
    right = 0
    for image, label in zip(images, labels):
        tensor = preprocess(image)
        first = runner.infer(tensor).copy()
        assert first.shape == runner.output.shape and first.dtype == np.dtype(runner.output.dtype)
        assert np.array_equal(first, runner.infer(tensor))  # the same answer twice
        prediction = postprocess(first)
        assert 0 <= prediction.runner_up_confidence <= prediction.confidence <= 1
        right += prediction.letter == "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[label]
    assert runner.promise in ("codes", "letters", "nothing")
    assert runner.promise == "nothing" or right >= 0.95 * len(images)
    with pytest.raises(BackendError, match="input .* must be"):
        runner.infer(np.zeros((1, 3, 3, 1), runner.input.dtype))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "keras-gpu"])
def test_runner(name: str, signnet: Manifest, data: SignMnist, tmp_path: Path) -> None:
    calibration = data.train.images[:200]
    runner = make_runner(name, signnet, RunnerNeeds(1, calibration, tmp_path))
    rows = np.random.default_rng(0).permutation(len(data.test))[:40]
    check_runner(runner, signnet, data.test.images[rows], data.test.labels[rows])
    runner.close()
    runner.close()


@pytest.mark.gpu
def test_keras_on_a_gpu(signnet: Manifest, data: SignMnist, tmp_path: Path) -> None:
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        pytest.skip("no GPU that TensorFlow sees")
    runner = make_runner("keras-gpu", signnet, RunnerNeeds(1, np.zeros((0,)), tmp_path))
    check_runner(runner, signnet, data.test.images[:40], data.test.labels[:40])


def test_a_gpu_that_is_not_there_is_an_error_not_a_fallback(
    signnet: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])
    with pytest.raises(BackendError, match="GPU must be visible to Keras's back end tensorflow"):
        make_runner("keras-gpu", signnet, RunnerNeeds(1, np.zeros((0,)), tmp_path))


def test_an_unknown_back_end_of_keras_lists_the_known(
    signnet: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    monkeypatch.setattr(keras.backend, "backend", lambda: "openvino")
    message = "Keras's back end must be one of tensorflow, torch, jax, got 'openvino'"
    with pytest.raises(BackendError, match=message):
        make_runner("keras-cpu", signnet, RunnerNeeds(1, np.zeros((0,)), tmp_path))


def test_an_unknown_runner_lists_the_known(signnet: Manifest, tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="runner must be one of emulator, .*, null, got"):
        make_runner("fpga", signnet, RunnerNeeds(1, np.zeros((0,)), tmp_path))


def test_batches_and_single_images_give_the_same_codes(signnet: Manifest) -> None:
    runner = EmulatorRunner(signnet)
    codes = np.random.default_rng(5).integers(-128, 128, (9, 28, 28, 1), dtype=np.int8)
    together = runner.infer_batch(codes)
    alone = np.concatenate([runner.infer(codes[i : i + 1].copy()) for i in range(9)])
    assert np.array_equal(together, alone)


@pytest.mark.parametrize("name", ["signnet", "tutorial"])
def test_released_models_are_as_good_as_they_say(
    name: str, released: dict[str, Path], data: SignMnist
) -> None:
    manifest = load_manifest(released[name])
    manifest.verify()
    runner = EmulatorRunner(manifest)
    table = np.clip(np.floor(np.arange(256) / 255 * 2.0**manifest.input_fix_point + 0.5), -128, 127)
    images = treat_all(data.test.images, manifest.treatment)
    codes = table.astype(np.int8)[images][..., None]
    output = np.concatenate([runner.infer_batch(codes[i : i + 256]) for i in range(0, 7172, 256)])
    int8 = (masked_argmax(output, manifest.classes) == data.test.labels).mean()
    model = load_keras_model(manifest.file("float"))
    inputs = images.astype(np.float32)[..., None] / np.float32(255)
    scores = np.asarray(model.predict(inputs, batch_size=512, verbose=0))
    real = (masked_argmax(scores, manifest.classes) == data.test.labels).mean()
    said = manifest.content["accuracy"]
    assert (said["n"], said["int8"], said["float"]) == (
        7172,
        pytest.approx(int8, abs=1e-6),
        pytest.approx(real, abs=3e-4),
    )
    assert abs(int8 - real) <= 0.005
    assert real >= {"signnet": 0.99, "tutorial": 0.90}[name]
