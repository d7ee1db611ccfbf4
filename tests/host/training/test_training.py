from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.data.augment import AugmentConfig
from host.data.sign_mnist import load_sign_mnist
from host.quiet import import_keras
from host.training.config import RECIPES, TrainConfig, recipe
from target.errors import ModelError

import_keras()
import keras  # noqa: E402

from host.training.checkpoint import Checkpoint  # noqa: E402
from host.training.fit import train  # noqa: E402
from host.training.networks import NETWORKS, build_network  # noqa: E402
from host.training.schedules import build_schedule  # noqa: E402

CONFIG = TrainConfig(
    "signnet",
    epochs=3,
    batch_size=64,
    learning_rate=2e-3,
    schedule="cosine",
    warmup=0.05,
    label_smoothing=0.05,
    validation="tail:48",
    augment=AugmentConfig(),
)


@pytest.fixture(scope="module")
def samples(small_archive: Path) -> Any:
    return load_sign_mnist(small_archive).train


class _Stop(Exception):
    """Ends a training between two epochs."""


@pytest.mark.slow
def test_a_resumed_training_is_the_uninterrupted_one(
    samples: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(samples, CONFIG, Checkpoint(tmp_path / "whole"))
    saved = Checkpoint.save

    def save_and_stop(self: Checkpoint, model: Any, progress: Any, identity: Any) -> None:
        saved(self, model, progress, identity)
        if progress.epoch == 1:
            raise _Stop

    monkeypatch.setattr(Checkpoint, "save", save_and_stop)
    with pytest.raises(_Stop):
        train(samples, CONFIG, Checkpoint(tmp_path / "parts"))
    monkeypatch.setattr(Checkpoint, "save", saved)
    resumed = train(samples, CONFIG, Checkpoint(tmp_path / "parts"))
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        np.testing.assert_allclose(resumed.history[name], whole.history[name], rtol=2e-3, atol=2e-3)
    for ours, theirs in zip(resumed.model.get_weights(), whole.model.get_weights()):
        np.testing.assert_allclose(ours, theirs, rtol=1e-2, atol=2e-3)


@pytest.mark.slow
def test_a_training_without_dropout_is_resumed(
    samples: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As signnet's own recipe: a dropout layer of rate 0 comes back from a file without its seed."""
    config = dataclasses.replace(CONFIG, network="dropout", dropout=0.0, epochs=2, augment=None)
    saved = Checkpoint.save

    def save_and_stop(self: Checkpoint, model: Any, progress: Any, identity: Any) -> None:
        saved(self, model, progress, identity)
        raise _Stop

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", save_and_stop)
        with pytest.raises(_Stop):
            train(samples, config, Checkpoint(tmp_path))
    assert len(train(samples, config, Checkpoint(tmp_path)).history["loss"]) == 2


def test_the_best_epoch_is_the_one_that_is_given_back(samples: Any, tmp_path: Path) -> None:
    trained = train(samples, CONFIG, Checkpoint(tmp_path))
    history = trained.history
    best = max(range(3), key=lambda i: (history["val_accuracy"][i], -history["val_loss"][i]))
    assert trained.best_epoch == best + 1
    trained.model.compile(loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.05))
    held = samples.take(trained.split.validation)
    x = held.images.astype(np.float32)[..., None] / 255
    y = np.eye(25, dtype=np.float32)[held.labels]
    assert trained.model.evaluate(x, y, verbose=0) == pytest.approx(
        history["val_loss"][best], rel=1e-3
    )


@pytest.mark.slow
def test_same_seed_same_start_other_seed_another(samples: Any, tmp_path: Path) -> None:
    one = dataclasses.replace(CONFIG, epochs=1)
    losses = [
        train(samples, config, Checkpoint(tmp_path / str(i))).history["loss"][0]
        for i, config in enumerate((one, one, dataclasses.replace(one, seed=2)))
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert losses[0] != pytest.approx(losses[2], rel=1e-4)


@pytest.mark.slow
def test_another_run_in_the_folder_is_refused(samples: Any, tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path)
    train(samples, dataclasses.replace(CONFIG, epochs=1), checkpoint)
    with pytest.raises(ModelError, match="same options and data to be continued.*--force"):
        train(samples, dataclasses.replace(CONFIG, epochs=2), checkpoint)
    (tmp_path / "checkpoint" / "state.json").write_text("{")
    with pytest.raises(ModelError, match="unfinished training must be readable"):
        train(samples, dataclasses.replace(CONFIG, epochs=2), checkpoint)
    assert (
        len(train(samples, dataclasses.replace(CONFIG, epochs=1), checkpoint, True).history["loss"])
        == 1
    )


def test_tutorial_recipe_is_the_tutorials() -> None:
    config = recipe("tutorial")
    assert (config.epochs, config.batch_size, config.validation) == (3, 32, "tail:4000")
    schedule = build_schedule(config, steps_per_epoch=733)
    for step in (0, 1000, 1_000_000):
        assert float(schedule(step)) == pytest.approx(1e-4 / (1 + 1e-6 * step), rel=1e-5)


def test_cosine_warms_up_and_ends_at_zero() -> None:
    schedule = build_schedule(dataclasses.replace(CONFIG, epochs=10), steps_per_epoch=100)
    values = [float(schedule(step)) for step in range(0, 1001, 10)]
    assert values[0] < 1e-4 and max(values) == pytest.approx(2e-3, rel=1e-2)
    assert values[-1] == pytest.approx(0, abs=1e-7)
    assert int(np.argmax(values)) == 5  # a twentieth of the way


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        # 3*3*1*28+28 + 4*28 + 3*3*28*64+64 + 4*64 + 3136*512+512 + 512*25+25
        ("tutorial", 280 + 112 + 16_192 + 256 + 1_606_144 + 12_825),
        # (9*1+4)*16 + (9*16+4)*16 + (9*16+4)*32 + (9*32+4)*32 + (9*32+4)*64 + 2 * (9*64+4)*64
        # + 4*4*64*25+25
        ("signnet", 208 + 2_368 + 4_736 + 9_344 + 18_688 + 2 * 37_120 + 25_625),
        # 9*1*16+16 + 9*16*32+32 + 5*5*32*25+25
        ("intro", 160 + 4_640 + 20_025),
        # 9*1*64+64 + 9*64*64+64 + 5*5*64*25+25
        ("dropout", 640 + 36_928 + 40_025),
    ],
)
def test_networks_have_the_weights_they_should(name: str, weights: int) -> None:
    assert build_network(name, 25).count_params() == weights


def test_every_network_has_a_recipe() -> None:
    assert set(RECIPES) == set(NETWORKS)
    with pytest.raises(ModelError, match="network must be one of"):
        build_network("lenet", 25)
