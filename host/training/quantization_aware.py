"""Quantization-aware training: some more epochs with the rounding of int8 in the forward pass."""

from __future__ import annotations

import logging
from typing import NamedTuple

import keras
import numpy as np

from host.data.calibration import network_input
from host.data.samples import Samples
from host.data.split import split_by_rule
from host.graph.graph import Graph
from host.training.batches import Batches, one_hot
from host.training.confidence import find_temperature
from host.training.config import TrainConfig
from host.training.graph_layer import GraphLayer
from host.training.schedules import build_schedule
from target.text.labels import classes_of_outputs
from target.vision.postprocess import log_probabilities

_log = logging.getLogger(__name__)


class AwareResult(NamedTuple):
    """What quantization-aware training reached.

    Attributes:
        before: Accuracy of the quantized network on the validation rows at the start.
        after: The same with the weights that were kept.
        best_epoch: Whose weights were kept; 0 if none was better than the start.
        history: One list per metric, one value per epoch.
        rows: Rows trained on and validated on.
        temperature: That fits the scores of the validation rows.
    """

    before: float
    after: float
    best_epoch: int
    history: dict[str, list[float]]
    rows: tuple[int, int]
    temperature: float


def train_quantized(graph: Graph, samples: Samples, config: TrainConfig) -> AwareResult:
    """Train the weights of a quantized graph, in place; the best epoch's are kept.

    Args:
        graph: Quantized; its output is a softmax over label values.
        samples: The training part; images uint8 (n, h, w).
        config: epochs, batch_size, learning_rate, label_smoothing, validation, augment, seed.
    """
    keras.utils.set_random_seed(config.seed)
    outputs = graph.outputs()[0].tensor.dims[-1]
    split = split_by_rule(samples, config.validation, config.seed)
    trained, held = samples.take(split.train), samples.take(split.validation)
    batches = Batches(trained, outputs, config)
    validation = network_input(held.images, config.treatment), one_hot(held.labels, outputs)
    layer = GraphLayer(graph)
    image = keras.Input(graph.of_type("data")[0].tensor.dims[1:])
    model = keras.Model(image, layer(image))
    model.compile(
        optimizer=keras.optimizers.Adam(build_schedule(config, len(batches))),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing),
        metrics=["accuracy"],
        jit_compile=False,
    )
    return _fit(model, layer, (batches, validation), config)


def _fit(
    model: keras.Model,
    layer: GraphLayer,
    data: tuple[Batches, tuple[np.ndarray, np.ndarray]],
    config: TrainConfig,
) -> AwareResult:
    batches, validation = data
    history: dict[str, list[float]] = {}
    start = model.evaluate(*validation, batch_size=512, verbose=0)
    best, best_epoch, kept = (start[1], -start[0]), 0, model.get_weights()
    for epoch in range(config.epochs):
        batches.select_epoch(epoch)
        logs = model.fit(batches, shuffle=False, verbose=0).history
        loss, accuracy = model.evaluate(*validation, batch_size=512, verbose=0)
        values = (logs["loss"][-1], logs["accuracy"][-1], loss, accuracy)
        for name, value in zip(("loss", "accuracy", "val_loss", "val_accuracy"), values):
            history.setdefault(name, []).append(float(value))
        _log.info("epoch %d/%d  int8 validation accuracy %.4f", epoch + 1, config.epochs, accuracy)
        if (accuracy, -loss) > best:
            best, best_epoch, kept = (accuracy, -loss), epoch + 1, model.get_weights()
    model.set_weights(kept)
    layer.store()
    rows = len(batches.samples), len(validation[0])
    temperature = _temperature(model, validation)
    return AwareResult(float(start[1]), float(best[0]), best_epoch, history, rows, temperature)


def _temperature(model: keras.Model, validation: tuple[np.ndarray, np.ndarray]) -> float:
    images, targets = validation
    classes = classes_of_outputs(targets.shape[1])
    scores = np.asarray(model.predict(images, batch_size=512, verbose=0))
    logits = log_probabilities(scores)
    return find_temperature(logits, targets.argmax(axis=1), np.ones(len(targets)), classes)
