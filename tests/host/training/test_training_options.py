"""Every option of a training does what its name says."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.data.augment import NOTHING
from host.data.samples import Samples, join
from host.data.sign_mnist import load_sign_mnist
from host.quiet import import_keras
from host.training.config import OPTIMIZERS, SCHEDULES, TrainConfig, check_config
from target.errors import DataError, ModelError
from target.vision.treatment import NORMALIZE

import_keras()
import keras  # noqa: E402

from host.training.batches import Batches  # noqa: E402
from host.training.build import (  # noqa: E402
    build_loss,
    build_model,
    build_optimizer,
)
from host.training.checkpoint import Checkpoint  # noqa: E402
from host.training.fit import class_weights, train  # noqa: E402
from host.training.schedules import build_schedule  # noqa: E402

CONFIG = TrainConfig("intro", epochs=1, batch_size=16, learning_rate=1e-2, validation="tail:24")


def _with(**changes: Any) -> TrainConfig:
    return dataclasses.replace(CONFIG, **changes)


@pytest.fixture(scope="module")
def samples(small_archive: Path) -> Samples:
    return load_sign_mnist(small_archive).train


def _rates(steps: int, **changes: Any) -> list[float]:
    schedule = build_schedule(_with(learning_rate=1.0, epochs=1, **changes), steps)
    return [float(schedule(step)) for step in range(steps + 1)]


def test_the_learning_rate_follows_its_schedule() -> None:
    assert set(_rates(10, schedule="constant")) == {1.0}
    assert _rates(4, schedule="inverse-time", decay=0.5) == pytest.approx(
        [1, 2 / 3, 1 / 2, 2 / 5, 1 / 3]
    )
    falling = _rates(4, schedule="exponential", decay=0.5)
    assert falling == pytest.approx([np.exp(-0.5 * step) for step in range(5)])
    assert _rates(4, schedule="cosine") == pytest.approx([1, 0.853553, 0.5, 0.146447, 0], abs=1e-6)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_warm_up_rises_first(schedule: str) -> None:
    rates = _rates(100, schedule=schedule, warmup=0.1, decay=1e-3)
    assert rates[0] == pytest.approx(0.001)
    assert np.diff(rates[:10]) == pytest.approx(0.1, rel=1e-3)
    assert rates[12] > 0.98


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_step_as_their_formulas_say(name: str) -> None:
    optimizer = build_optimizer(_with(optimizer=name, learning_rate=0.1, momentum=0.5), 10)
    weight = keras.Variable(np.array([1.0, -2.0], np.float32))
    gradient = keras.ops.array([0.5, -4.0])
    optimizer.build([weight])
    moved = []
    for _ in range(2):
        before = weight.numpy()
        optimizer.apply_gradients([(gradient, weight)])
        moved.append(weight.numpy() - before)
    if name == "sgd":  # the second step keeps half of the first's speed
        assert moved[0] == pytest.approx([-0.05, 0.4], rel=1e-5)
        assert moved[1] == pytest.approx([-0.075, 0.6], rel=1e-5)
    elif name == "adam":  # as far as the learning rate, whatever the gradient's size
        assert moved[0] == pytest.approx([-0.1, 0.1], rel=1e-4)
    else:  # 0.1 * g / sqrt(0.1 * g * g)
        assert moved[0] == pytest.approx([-0.1 / 0.1**0.5, 0.1 / 0.1**0.5], rel=1e-4)


def test_losses_are_the_textbooks() -> None:
    truth, given = np.eye(4)[[1]], np.array([[0.1, 0.6, 0.2, 0.1]])
    assert float(build_loss(CONFIG)(truth, given)) == pytest.approx(-np.log(0.6), rel=1e-5)
    smooth = float(build_loss(_with(label_smoothing=0.2))(truth, given))
    target = np.array([0.05, 0.85, 0.05, 0.05])
    assert smooth == pytest.approx(-(target * np.log(given[0])).sum(), rel=1e-5)
    assert float(build_loss(_with(loss="mse"))(truth, given)) == pytest.approx(
        (0.1**2 + 0.4**2 + 0.2**2 + 0.1**2) / 4, rel=1e-5
    )


@pytest.mark.parametrize(("l1", "l2"), [(0.01, 0.0), (0.0, 0.01), (0.02, 0.01)])
def test_penalties_count_every_kernel_and_no_bias(l1: float, l2: float) -> None:
    model = build_model(_with(l1=l1, l2=l2))
    kernels = [layer.kernel.numpy() for layer in model.layers if hasattr(layer, "kernel")]
    assert len(kernels) == 3
    expected = sum(l1 * np.abs(kernel).sum() + l2 * (kernel**2).sum() for kernel in kernels)
    assert float(sum(model.losses)) == pytest.approx(float(expected), rel=1e-4)


def test_penalties_outlive_saving(tmp_path: Path) -> None:
    model = build_model(_with(l2=0.01))
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    assert float(sum(again.losses)) == pytest.approx(float(sum(model.losses)), rel=1e-5)


def test_dropout_and_batch_norm_are_options() -> None:
    rates = [
        layer.rate
        for layer in build_model(_with(network="signnet", dropout=0.35)).layers
        if isinstance(layer, keras.layers.Dropout)
    ]
    assert rates == [0.35]
    with pytest.raises(ModelError, match="dropout layer for --dropout 0.3, got none in intro"):
        build_model(_with(dropout=0.3))
    for network, has in (
        ("intro", False),
        ("dropout", False),
        ("signnet", True),
        ("tutorial", True),
    ):
        for wanted in (None, True, False):
            model = build_model(_with(network=network, batch_norm=wanted))
            found = any(isinstance(x, keras.layers.BatchNormalization) for x in model.layers)
            assert found == (has if wanted is None else wanted), (network, wanted)


def test_balanced_class_weights_make_letters_equal() -> None:
    labels = np.array([0] * 6 + [1] * 2 + [24] * 4, np.uint8)
    weights = class_weights(np.bincount(labels, minlength=25).astype(float))
    sums = [weights[label] * (labels == label).sum() for label in (0, 1, 24)]
    assert sums == pytest.approx([4, 4, 4])
    assert set(weights) == set(range(25))


def test_of_a_mixture_the_drawn_images_are_counted() -> None:
    batches = Batches(_joined(), 25, _with(mix={"photos": 40, "hands": 15}))
    assert batches.label_counts()[:3].tolist() == [40, 15, 0]  # of 10 photos and 30 hands


def test_early_stopping_waits_as_long_as_it_should(samples: Samples, tmp_path: Path) -> None:
    # A learning rate of nearly nothing: no epoch is better than the first.
    config = _with(epochs=9, patience=2, learning_rate=1e-12)
    history = train(samples, config, Checkpoint(tmp_path)).history
    best = 1 + int(np.argmax(history["val_accuracy"]))
    assert len(history["loss"]) <= 5
    assert len(history["loss"]) >= best + 2 or len(history["loss"]) == 9


def test_the_history_has_every_metric(samples: Samples, tmp_path: Path) -> None:
    trained = train(samples, _with(class_weights="balanced"), Checkpoint(tmp_path))
    wanted = {"loss", "accuracy", "top3", "val_loss", "val_accuracy", "val_top3", "learning_rate"}
    assert wanted <= set(trained.history)
    assert trained.history["val_top3"][0] >= trained.history["val_accuracy"][0]
    assert trained.leaked == 0 or trained.leaked <= 24


def test_without_shuffling_rows_come_as_they_lie(samples: Samples) -> None:
    for shuffle in (False, True):
        batches = Batches(samples, 25, _with(shuffle=shuffle))
        seen = np.concatenate([batches[index][1].argmax(axis=1) for index in range(len(batches))])
        assert (seen.tolist() == samples.labels.tolist()) == (not shuffle)
        assert sorted(seen) == sorted(samples.labels)


def _joined() -> Samples:
    """Ten photos of gray level 10, 11, ... and thirty hands of 100, 101, ..."""
    photos = np.arange(10, 20, dtype=np.uint8)[:, None, None] * np.ones((1, 28, 28), np.uint8)
    hands = np.arange(100, 130, dtype=np.uint8)[:, None, None] * np.ones((1, 28, 28), np.uint8)
    parts = {
        "photos": Samples(photos, np.zeros(10, np.uint8), "p", "0"),
        "hands": Samples(hands, np.ones(30, np.uint8), "h", "1", np.arange(30)),
    }
    return join(parts, "both")


def _levels(batches: Batches, epoch: int) -> np.ndarray:
    batches.select_epoch(epoch)
    drawn = np.concatenate([batches[index][0][:, 0, 0, 0] for index in range(len(batches))])
    return np.rint(drawn * 255).astype(int)


def test_an_epoch_draws_of_each_set_what_the_mixture_says() -> None:
    config = _with(mix={"photos": 15, "hands": 12}, batch_size=8)
    batches = Batches(_joined(), 25, config)
    assert len(batches) == 4
    epochs = [_levels(batches, epoch) for epoch in range(5)]
    for drawn in epochs:
        assert ((drawn < 50).sum(), (drawn >= 50).sum()) == (15, 12)
    # Five epochs: 60 of 30 hands is each twice, 75 of 10 photos each seven or eight times.
    hands = np.unique(np.concatenate(epochs)[np.concatenate(epochs) >= 50], return_counts=True)
    assert len(hands[0]) == 30 and set(hands[1]) == {2}
    photos = np.unique(np.concatenate(epochs)[np.concatenate(epochs) < 50], return_counts=True)
    assert len(photos[0]) == 10 and set(photos[1]) <= {7, 8}
    np.testing.assert_array_equal(_levels(batches, 3), epochs[3])


def test_rendered_hands_have_an_augmentation_of_their_own() -> None:
    swap = dataclasses.replace(NOTHING, invert=1.0)
    config = _with(mix={"photos": 10, "hands": 30}, augment=swap, augment_hands=NOTHING)
    levels = _levels(Batches(_joined(), 25, config), 0)
    assert sorted(levels) == sorted([*range(100, 130), *(255 - np.arange(10, 20))])
    alone = _levels(Batches(_joined(), 25, dataclasses.replace(config, augment_hands=None)), 0)
    assert alone.min() > 120  # without one of their own they are changed as the others


def test_images_are_treated_after_they_are_augmented() -> None:
    images = np.random.default_rng(1).integers(60, 90, (8, 28, 28)).astype(np.uint8)
    samples = Samples(images, np.zeros(8, np.uint8), "p", "0")
    batch = Batches(samples, 25, _with(treatment=NORMALIZE, shuffle=False))[0][0]
    assert batch.mean(axis=(1, 2, 3)) * 255 == pytest.approx(128, abs=0.5)
    assert batch.std(axis=(1, 2, 3)) * 255 == pytest.approx(48, abs=0.5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rate": 0.0}, "--learning-rate must be more than 0, got 0.0"),
        ({"learning_rate": float("inf")}, "--learning-rate must be more than 0, got inf"),
        ({"momentum": 1.0}, "--momentum must be 0 or more, below 1, got 1.0"),
        ({"dropout": -0.1}, "--dropout must be 0 or more, below 1, got -0.1"),
        ({"l2": -1.0}, "--l2 must be 0 or more, got -1.0"),
        ({"warmup": float("nan")}, "--warmup must be 0 or more, below 1, got nan"),
        ({"optimizer": "lion"}, "--optimizer must be one of adam, sgd, rmsprop, got 'lion'"),
        ({"loss": "mse", "label_smoothing": 0.1}, "--label-smoothing must go with --loss"),
    ],
)
def test_impossible_options_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        check_config(_with(**changes))
