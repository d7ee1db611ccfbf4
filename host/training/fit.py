"""The training loop: epoch by epoch, resumable, best epoch restored."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import keras
import numpy as np

from host.data.calibration import network_input
from host.data.samples import Samples
from host.data.split import Split, count_leaked, split_by_rule
from host.training.batches import Batches, one_hot
from host.training.build import OUTPUTS, build_model, compile_model
from host.training.checkpoint import Checkpoint, Progress
from host.training.config import TrainConfig
from host.training.show import EpochProgress
from target.errors import ModelError

_log = logging.getLogger(__name__)


class Trained(NamedTuple):
    """A finished training.

    Attributes:
        model: With the weights of the best epoch, not compiled.
        history: One list per metric, one value per epoch.
        best_epoch: 1-based.
        split: The rows that were trained on and validated on.
        leaked: Validation rows that have a near-copy, or another image of their signer, among the rest.
    """

    model: keras.Model
    history: dict[str, list[float]]
    best_epoch: int
    split: Split
    leaked: int


class Steps(Protocol):
    """Who does the steps of an epoch: Alone, or host.training.distribute.Distributed.

    Attributes:
        leads: Whether this process validates and writes; of several workers one does.
    """

    leads: bool

    def begin(
        self, model: keras.Model, start: tuple[Progress, list[np.ndarray]], identity: dict[str, Any]
    ) -> tuple[Progress, list[np.ndarray]]:
        """Give the model the state to go on from; returns progress and best weights."""

    def run_epoch(
        self,
        model: keras.Model,
        batches: Batches,
        weights: dict[int, float] | None,
        show: EpochProgress,
    ) -> dict[str, float]:
        """Train one epoch; returns loss, accuracy and top3."""

    def decide(self, find: Callable[[], Any]) -> Any:
        """Return what `find` gives on the worker that leads."""


class Alone:
    """Keras's own fit, in this process."""

    leads = True

    def begin(
        self, model: keras.Model, start: tuple[Progress, list[np.ndarray]], identity: dict[str, Any]
    ) -> tuple[Progress, list[np.ndarray]]:
        """Return `start`: there is nobody to agree with."""
        return start

    def run_epoch(
        self,
        model: keras.Model,
        batches: Batches,
        weights: dict[int, float] | None,
        show: EpochProgress,
    ) -> dict[str, float]:
        """Train one epoch; returns loss, accuracy and top3."""
        logs = model.fit(batches, shuffle=False, verbose=0, class_weight=weights, callbacks=[show])
        return {name: values[-1] for name, values in logs.history.items()}

    def decide(self, find: Callable[[], Any]) -> Any:
        """Return what `find` gives."""
        return find()


def train(
    samples: Samples,
    config: TrainConfig,
    checkpoint: Checkpoint,
    restart: bool = False,
    steps: Steps | None = None,
    start: list[np.ndarray] | None = None,
) -> Trained:
    """Train a network, or continue an interrupted training of the same configuration and data.

    Args:
        samples: The training part; images uint8 (n, 28, 28).
        config: The run.
        checkpoint: Where an unfinished run is kept; removed by the caller once the result is safe.
        restart: Give up an unfinished run of another configuration instead of refusing.
        steps: Who does the steps of an epoch; None for Alone.
        start: Weights to begin with; None for random ones.

    Raises:
        DataError: If the split is impossible.
        ModelError: If there is an unfinished run of another configuration.
    """
    keras.utils.set_random_seed(config.seed)
    split = split_by_rule(samples, config.validation, config.seed)
    leaked = 0 if config.validation.startswith("photo:") else count_leaked(samples, split)
    if leaked:
        _log.warning(
            "%d of %d validation rows have a row of the same photo or signer among the training rows:"
            " their accuracy says little; --validation photo:0.1 keeps photos whole",
            leaked,
            len(split.validation),
        )
    batches = Batches(samples.take(split.train), OUTPUTS, config)
    held = samples.take(split.validation)
    validation = network_input(held.images, config.treatment), one_hot(held.labels, OUTPUTS)
    weights = class_weights(batches.label_counts()) if config.class_weights == "balanced" else None
    identity = {"config": dataclasses.asdict(config), "data_sha256": samples.sha256}
    if start is not None:
        identity["start_sha256"] = _sha256_of(start)
    steps = steps or Alone()
    plain = json.loads(json.dumps(identity))
    stored = checkpoint.load(plain, restart) if steps.leads else None
    model, progress, best = _start(checkpoint, stored, config, len(batches), start)
    progress, best = steps.begin(model, (progress, best), plain)
    while progress.epoch < config.epochs and not _is_stuck(progress, config.patience):
        _run_epoch(steps, model, (batches, weights, validation), progress, config)
        if progress.best_epoch == progress.epoch:
            best = model.get_weights()
        if steps.leads:
            checkpoint.save(model, progress, identity)
    result = build_model(config)
    result.set_weights(best)
    return Trained(result, progress.history, progress.best_epoch, split, leaked)


def _start(
    checkpoint: Checkpoint,
    stored: tuple[keras.Model, Progress] | None,
    config: TrainConfig,
    steps: int,
    weights: list[np.ndarray] | None,
) -> tuple[keras.Model, Progress, list[np.ndarray]]:
    """Return model, progress and best weights: of the checkpoint if there is one, else fresh."""
    if stored is not None:
        model, progress = stored
        _log.info("continuing after epoch %d of %d", progress.epoch, config.epochs)
        return model, progress, checkpoint.load_best(progress)
    model = build_model(config)
    if weights is not None:
        model.set_weights(weights)
    compile_model(model, config, steps)
    return model, Progress(), model.get_weights()


def _sha256_of(weights: list[np.ndarray]) -> str:
    return hashlib.sha256(b"".join(one.tobytes() for one in weights)).hexdigest()


def _run_epoch(
    steps: Steps,
    model: keras.Model,
    data: tuple[Batches, dict[int, float] | None, tuple[np.ndarray, np.ndarray]],
    progress: Progress,
    config: TrainConfig,
) -> None:
    started = time.monotonic()
    batches, weights, validation = data
    batches.select_epoch(progress.epoch)
    _seed_dropout(model, config.seed, progress.epoch)
    show = EpochProgress(progress.epoch + 1, config.epochs, len(batches))
    logs = steps.run_epoch(model, batches, weights, show)
    # Decided on one worker: others may round otherwise, and then disagree on when to stop.
    loss, accuracy, top3 = steps.decide(
        lambda: [float(v) for v in model.evaluate(*validation, batch_size=512, verbose=0)]
    )
    values = {
        "loss": logs["loss"],
        "accuracy": logs["accuracy"],
        "top3": logs["top3"],
        "val_loss": loss,
        "val_accuracy": accuracy,
        "val_top3": top3,
        "learning_rate": float(model.optimizer.learning_rate),
        "seconds": time.monotonic() - started,
    }
    if not np.isfinite(values["loss"]):
        raise ModelError(
            f"training loss must be finite, got {values['loss']} in epoch {progress.epoch + 1};"
            " lower --learning-rate (in a later stage: go on from the one before with --start)"
        )
    for name, value in values.items():
        progress.history.setdefault(name, []).append(float(value))
    progress.epoch += 1
    progress.best_epoch = _best_epoch(progress.history)
    _log.info(
        "epoch %2d/%d  loss %.4f  accuracy %.4f  val_loss %.4f  val_accuracy %.4f  %.0f s",
        progress.epoch,
        config.epochs,
        *(values[name] for name in ("loss", "accuracy", "val_loss", "val_accuracy", "seconds")),
    )


def _seed_dropout(model: keras.Model, seed: int, epoch: int) -> None:
    """Make the epoch's dropout a function of (seed, epoch): Keras does not store where it was."""
    for index, layer in enumerate(model.layers):
        if isinstance(layer, keras.layers.Dropout) and layer.rate:  # one of 0 draws nothing
            layer.seed_generator.state.assign([seed, epoch * len(model.layers) + index])


def _is_stuck(progress: Progress, patience: int) -> bool:
    stuck = 0 < patience <= progress.epoch - progress.best_epoch
    if stuck:
        _log.info("stopped early: nothing better for %d epochs", patience)
    return stuck


def class_weights(counts: np.ndarray) -> dict[int, float]:
    """Return what each label weighs so that all letters together weigh the same; 1 on average.

    Args:
        counts: Images of each label an epoch, float (n,).
    """
    letters = int((counts > 0).sum())
    return {
        label: float(counts.sum()) / (letters * float(count)) if count else 1.0
        for label, count in enumerate(counts)
    }


def _best_epoch(history: dict[str, list[float]]) -> int:
    ranks = zip(history["val_accuracy"], (-loss for loss in history["val_loss"]))
    return 1 + max(enumerate(ranks), key=lambda item: (item[1], -item[0]))[0]
