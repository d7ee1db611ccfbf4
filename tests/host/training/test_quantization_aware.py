"""Quantization-aware training: keeps positions, keeps the best epoch, writes what compile takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.__main__ import main
from host.data.calibration import network_input
from host.data.sign_mnist import load_sign_mnist
from host.graph.from_keras import from_keras
from host.quantizer.config import QuantConfig
from host.quantizer.export import positions_of
from host.quantizer.quantize import Quantized, quantize_graph
from host.quiet import import_keras
from host.training.config import TrainConfig

import_keras()
import keras  # noqa: E402

from host.training.networks import build_network  # noqa: E402
from host.training.quantization_aware import train_quantized  # noqa: E402

CONFIG = TrainConfig("signnet", epochs=2, batch_size=64, learning_rate=1e-3, validation="tail:96")


@pytest.fixture(scope="module")
def samples(small_archive: Path) -> Any:
    return load_sign_mnist(small_archive).train


def _quantized(samples: Any) -> Quantized:
    keras.utils.set_random_seed(3)
    graph = from_keras(build_network("signnet", 25))
    images = network_input(samples.images[:32])
    return quantize_graph(graph, images, QuantConfig(count=32))


@pytest.mark.slow
def test_training_changes_weights_and_no_position(samples: Any) -> None:
    graph = _quantized(samples).graph
    before = positions_of(graph)
    kernels = {op.name: op.data for op in graph.of_type("const")}
    result = train_quantized(graph, samples, CONFIG)
    assert positions_of(graph) == before
    changed = [
        name for name, data in kernels.items() if not np.array_equal(graph.op(name).data, data)
    ]
    assert bool(changed) == (result.best_epoch > 0)
    assert result.after >= result.before
    assert len(result.history["val_accuracy"]) == 2
    assert result.rows == (len(samples) - 96, 96)
    if result.best_epoch:
        assert result.after == pytest.approx(result.history["val_accuracy"][result.best_epoch - 1])


@pytest.mark.slow
def test_no_better_epoch_keeps_the_weights(samples: Any) -> None:
    graph = _quantized(samples).graph
    kernels = {op.name: op.data for op in graph.of_type("const")}
    ruinous = TrainConfig("signnet", 1, batch_size=64, learning_rate=100.0, validation="tail:96")
    result = train_quantized(graph, samples, ruinous)
    if result.best_epoch == 0:
        assert result.after == result.before
        for name, data in kernels.items():
            np.testing.assert_array_equal(graph.op(name).data, data)


def test_command_writes_a_float_and_an_int8_model(
    small_archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "plain", tmp_path / "aware"
    common = ["--data", str(small_archive), "--cache", str(tmp_path / "cache"), "--epochs", "1"]
    common += ["--validation", "tail:64"]
    assert main(["train", "--network", "tutorial", "--out", str(first), *common]) == 0
    capsys.readouterr()
    options = ["--quantization-aware", str(first), "--out", str(second), "--json", *common]
    assert main(["train", *options]) == 0
    facts = json.loads(capsys.readouterr().out)
    aware = facts["quantization_aware"]
    assert aware["accuracy_after"] >= aware["accuracy_before"]
    assert aware["config"]["network"] == facts["network"] == "tutorial"
    assert main(["compile", str(second)]) == 0
    assert (second / "aware.xmodel").is_file()
    manifest = json.loads((second / "model.json").read_text())
    assert set(manifest["files"]) == {"xmodel", "int8", "golden", "float"}


def test_command_needs_a_trained_model(
    tmp_path: Path, small_archive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--quantization-aware", str(tmp_path / "none"), "--data", str(small_archive)]
    assert main(["train", *options]) == 1
    message = "model to go on from must have a train.json"
    assert message in capsys.readouterr().err
