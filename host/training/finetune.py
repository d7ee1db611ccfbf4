"""Transfer learning: a trained model learns a person's own hands, and keeps what it knows."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import keras
import numpy as np

from host.data.samples import Samples, join
from host.graph.keras_file import load_keras_model
from host.training.batches import Batches
from host.training.build import OUTPUTS, compile_model
from host.training.config import TrainConfig
from target.errors import ModelError

OWN = "own photos"
_KEPT = 2  # first layers that stay as they are: edges look alike on every hand
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class FinetuneOptions:
    """How a model is trained on.

    Attributes:
        replace_head: Start the last layer with fresh weights instead of the trained ones.
        unfreeze: Layers with kernels before the last one that learn too, from the end; None for all but
            the first two. Batch normalization keeps its statistics.
        share: Of a person's own photos among the images of an epoch; the others are the base data.
    """

    replace_head: bool = False
    unfreeze: int | None = None
    share: float = 0.5


def finetune(
    float_model: Path,
    own: Samples,
    base: Samples | None,
    config: TrainConfig,
    options: FinetuneOptions,
) -> tuple[keras.Model, dict[str, list[float]]]:
    """Train a model on a person's own photos, mixed with what it was trained on.

    Args:
        float_model: .keras file.
        own: Photos to train on.
        base: Other data, so that nothing is forgotten; None for the person's photos alone.
        config: epochs, batch_size, learning_rate, schedule, augment, treatment, seed; `mix` says how many
            images of OWN and of the base's parts an epoch draws.
        options: What learns.

    Returns:
        The model, not compiled, and loss and accuracy of each epoch.

    Raises:
        ModelError: If the model has not so many layers, or its outputs are not the letters.
    """
    keras.utils.set_random_seed(config.seed)
    model = load_keras_model(float_model)
    if model.output_shape[-1] != OUTPUTS:
        raise ModelError(
            f"model to finetune must have {OUTPUTS} outputs, got {model.output_shape[-1]} in {float_model}"
        )
    _choose_layers(model, options, float_model)
    samples = join({OWN: own} if base is None else {OWN: own, **_parts_of(base)}, OWN)
    batches = Batches(samples, OUTPUTS, config)
    compile_model(model, config, len(batches))
    history: dict[str, list[float]] = {"loss": [], "accuracy": []}
    for epoch in range(config.epochs):
        batches.select_epoch(epoch)
        logs = model.fit(batches, shuffle=False, verbose=0).history
        for name, values in history.items():
            values.append(float(logs[name][-1]))
        if not np.isfinite(history["loss"][-1]):
            raise ModelError(
                f"training loss must be finite, got {history['loss'][-1]} in epoch {epoch + 1};"
                " lower --learning-rate"
            )
        _log.info(
            "epoch %2d/%d  loss %.4f  accuracy %.4f",
            *(epoch + 1, config.epochs, history["loss"][-1], history["accuracy"][-1]),
        )
    return _copy(model), history


def _choose_layers(model: keras.Model, options: FinetuneOptions, path: Path) -> None:
    with_kernel = [layer for layer in model.layers if hasattr(layer, "kernel")]
    before = options.unfreeze
    if before is None:
        before = max(len(with_kernel) - 1 - _KEPT, 0)
    if before >= len(with_kernel):
        raise ModelError(f"--unfreeze must be 0 to {len(with_kernel) - 1}, got {before} for {path}")
    learning = with_kernel[-1 - before :]
    for layer in model.layers:
        layer.trainable = layer in learning
    if options.replace_head:
        head = with_kernel[-1]
        head.kernel.assign(keras.initializers.GlorotUniform()(head.kernel.shape))
        head.bias.assign(np.zeros(head.bias.shape, np.float32))


def _parts_of(samples: Samples) -> dict[str, Samples]:
    names = samples.part_names()
    return {
        str(name): dataclasses.replace(samples.take(names == name), parts=None)
        for name in dict.fromkeys(names)
    }


def _copy(model: keras.Model) -> keras.Model:
    """Return the model as it was built, not compiled and every layer free, with the learned weights."""
    fresh = keras.models.clone_model(model)
    fresh.set_weights(model.get_weights())
    for layer in fresh.layers:
        layer.trainable = True
    return fresh
