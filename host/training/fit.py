"""The training loop: epoch by epoch, resumable, best epoch restored."""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from typing import NamedTuple

import keras
import numpy as np

from host.data.calibration import network_input
from host.data.samples import Samples
from host.data.split import Split, split_by_rule
from host.training.batches import Batches, one_hot
from host.training.checkpoint import Checkpoint, Progress
from host.training.config import TrainConfig
from host.training.networks import build_network
from host.training.schedules import build_schedule
from target.errors import ModelError

OUTPUTS = 25  # label values 0-24; 9 (J) is never a target
_log = logging.getLogger(__name__)


class Trained(NamedTuple):
    """A finished training.

    Attributes:
        model: With the weights of the best epoch, not compiled.
        history: One list per metric, one value per epoch.
        best_epoch: 1-based.
        split: The rows that were trained on and validated on.
    """

    model: keras.Model
    history: dict[str, list[float]]
    best_epoch: int
    split: Split


def train(
    samples: Samples, config: TrainConfig, checkpoint: Checkpoint, restart: bool = False
) -> Trained:
    """Train a network, or continue an interrupted training of the same configuration and data.

    Args:
        samples: The training part; images uint8 (n, 28, 28).
        config: The run.
        checkpoint: Where an unfinished run is kept; removed by the caller once the result is safe.
        restart: Give up an unfinished run of another configuration instead of refusing.

    Raises:
        DataError: If the split is impossible.
        ModelError: If there is an unfinished run of another configuration.
    """
    keras.utils.set_random_seed(config.seed)
    split = split_by_rule(samples, config.validation, config.seed)
    batches = Batches(
        samples.take(split.train), OUTPUTS, config.batch_size, config.seed, config.augment
    )
    held = samples.take(split.validation)
    validation = network_input(held.images), one_hot(held.labels, OUTPUTS)
    identity = {"config": dataclasses.asdict(config), "data_sha256": samples.sha256}
    stored = checkpoint.load(json.loads(json.dumps(identity)), restart)
    model, progress, best = _start(checkpoint, stored, config, len(batches))
    while progress.epoch < config.epochs:
        _run_epoch(model, batches, validation, progress, config)
        if progress.best_epoch == progress.epoch:
            best = model.get_weights()
        checkpoint.save(model, progress, identity)
    result = build_network(config.network, OUTPUTS)
    result.set_weights(best)
    return Trained(result, progress.history, progress.best_epoch, split)


def _start(
    checkpoint: Checkpoint,
    stored: tuple[keras.Model, Progress] | None,
    config: TrainConfig,
    steps: int,
) -> tuple[keras.Model, Progress, list[np.ndarray]]:
    """Return model, progress and best weights: of the checkpoint if there is one, else fresh."""
    if stored is not None:
        model, progress = stored
        _log.info("continuing after epoch %d of %d", progress.epoch, config.epochs)
        return model, progress, checkpoint.load_best(progress)
    model = build_network(config.network, OUTPUTS)
    model.compile(
        optimizer=keras.optimizers.Adam(build_schedule(config, steps)),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing),
        metrics=["accuracy"],
        jit_compile=False,  # measured: XLA on a CPU takes 1.0 to 2 times as long for these networks
    )
    return model, Progress(), model.get_weights()


def _run_epoch(
    model: keras.Model,
    batches: Batches,
    validation: tuple[np.ndarray, np.ndarray],
    progress: Progress,
    config: TrainConfig,
) -> None:
    started = time.monotonic()
    batches.select_epoch(progress.epoch)
    _seed_dropout(model, config.seed, progress.epoch)
    logs = model.fit(batches, shuffle=False, verbose=0).history
    loss, accuracy = model.evaluate(*validation, batch_size=512, verbose=0)
    values = {
        "loss": logs["loss"][-1],
        "accuracy": logs["accuracy"][-1],
        "val_loss": loss,
        "val_accuracy": accuracy,
        "seconds": time.monotonic() - started,
    }
    if not np.isfinite(values["loss"]):
        raise ModelError(
            f"training loss must be finite, got {values['loss']} in epoch {progress.epoch + 1};"
            " lower --learning-rate"
        )
    for name, value in values.items():
        progress.history.setdefault(name, []).append(float(value))
    progress.epoch += 1
    progress.best_epoch = _best_epoch(progress.history)
    _log.info(
        "epoch %2d/%d  loss %.4f  accuracy %.4f  val_loss %.4f  val_accuracy %.4f  %.0f s",
        progress.epoch,
        config.epochs,
        *values.values(),
    )


def _seed_dropout(model: keras.Model, seed: int, epoch: int) -> None:
    """Make the epoch's dropout a function of (seed, epoch): Keras does not store where it was."""
    for index, layer in enumerate(model.layers):
        if isinstance(layer, keras.layers.Dropout):
            layer.seed_generator.state.assign([seed, epoch * len(model.layers) + index])


def _best_epoch(history: dict[str, list[float]]) -> int:
    ranks = zip(history["val_accuracy"], (-loss for loss in history["val_loss"]))
    return 1 + max(enumerate(ranks), key=lambda item: (item[1], -item[0]))[0]
