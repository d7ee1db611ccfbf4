"""What the container's part asks of TensorFlow and of AMD's quantizer, with this project's TensorFlow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.quiet import import_keras

import_keras()
import tensorflow as tf  # noqa: E402

from host.vitis.container import quantize as step  # noqa: E402
from host.vitis.container.job import JobError  # noqa: E402
from host.vitis.container.network import compute_in_float32  # noqa: E402

OPTIONS = {
    "batch_size": 4,
    "equalize": True,
    "relu6_to_relu": False,
    "fast_finetune_epochs": 0,
    "qat_epochs": 0,
    "seed": 1,
}


class Asked(Exception):
    """Raised by the stand-in with what it was asked."""


class Quantizer:
    """Stand-in for AMD's module and its class: passes its arguments on."""

    def VitisQuantizer(self, model: Any, **more: Any) -> Quantizer:
        return self

    def quantize_model(self, **more: Any) -> None:
        raise Asked(more)

    get_qat_model = quantize_model


@pytest.fixture
def tf32() -> Iterator[Any]:
    """TensorFlow's switches, as they are on a GPU by default; put back afterwards."""
    switches = tf.config.experimental
    before = switches.tensor_float_32_execution_enabled()
    switches.enable_tensor_float_32_execution(True)
    yield switches
    switches.enable_tensor_float_32_execution(before)


def test_products_are_of_whole_float32_before_anything_is_computed(
    tf32: Any, tmp_path: Path
) -> None:
    (tmp_path / "job.json").write_text(json.dumps({"format": 1, "quantize": OPTIONS}))
    with pytest.raises(JobError, match="vai_q_tensorflow2 must be installed"):
        step.main(str(tmp_path))
    assert not tf32.tensor_float_32_execution_enabled()


def test_older_tensorflow_has_nothing_to_turn_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "experimental", object())
    compute_in_float32()


@pytest.mark.parametrize("qat_epochs", [0, 2], ids=["after training", "aware"])
@pytest.mark.parametrize(
    ("change", "asked"),
    [
        ({}, {}),
        ({"equalize": False}, {"include_cle": False}),
        ({"relu6_to_relu": True}, {"convert_relu6_to_relu": True}),
    ],
    ids=["defaults", "no equalization", "relu6"],
)
def test_rewrites_of_the_float_network_are_passed_on(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    qat_epochs: int,
    change: dict[str, Any],
    asked: dict[str, Any],
) -> None:
    options = {**OPTIONS, "qat_epochs": qat_epochs, **change}
    (tmp_path / "job.json").write_text(json.dumps({"format": 1, "quantize": options}))
    x = np.zeros((4, 2, 2, 1), np.float32)
    for name in ("evaluation", "calibration", "training"):
        np.savez(tmp_path / f"{name}.npz", x=x, expected=x, y=np.zeros(4, np.int64))
    monkeypatch.setattr(step, "import_quantizer", Quantizer)
    monkeypatch.setattr(step, "rebuild", lambda job: None)
    monkeypatch.setattr(step, "check_rebuilt", lambda *given: 0.0)
    with pytest.raises(Asked) as caught:
        step.main(str(tmp_path))
    more = caught.value.args[0]
    own = {"calib_dataset", "calib_batch_size", "init_quant"}
    assert {name: value for name, value in more.items() if name not in own} == asked
    assert more.get("init_quant", False) == bool(qat_epochs)
