"""From a configuration to a compiled Keras model: network, regularizers, optimizer, loss, metrics."""

from __future__ import annotations

import keras

from host.training.config import TrainConfig
from host.training.networks import build_network
from host.training.schedules import build_schedule
from target.errors import ModelError

OUTPUTS = 25  # label values 0-24; 9 (J) is never a target


def build_model(config: TrainConfig) -> keras.Model:
    """Build the network with fresh weights, with the configuration's dropout and penalties.

    Returns:
        Input float32 (n, 28, 28, 1) in [0, 1], output probabilities float32 (n, 25).

    Raises:
        ModelError: If a dropout rate is given and the network has no dropout layer.
    """
    model = build_network(config.network, OUTPUTS, config.batch_norm)
    dropouts = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    if config.dropout is not None and not dropouts:
        raise ModelError(
            f"network must have a dropout layer for --dropout {config.dropout}, got none in"
            f" {config.network}; use --network dropout"
        )
    for layer in dropouts:
        layer.rate = layer.rate if config.dropout is None else config.dropout
    for layer in model.layers:
        if hasattr(layer, "kernel_regularizer") and (config.l1 or config.l2):
            layer.kernel_regularizer = keras.regularizers.L1L2(config.l1, config.l2)
            layer.kernel.regularizer = layer.kernel_regularizer  # the layer is built already
    return model


def compile_model(model: keras.Model, config: TrainConfig, steps_per_epoch: int) -> None:
    """Give a model its optimizer, loss and metrics (accuracy, and the letter among the best three)."""
    model.compile(
        optimizer=build_optimizer(config, steps_per_epoch),
        loss=build_loss(config),
        metrics=["accuracy", keras.metrics.TopKCategoricalAccuracy(3, name="top3")],
        jit_compile=False,  # measured: XLA on a CPU takes 1.0 to 2 times as long for these networks
    )


def build_optimizer(config: TrainConfig, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """Return the optimizer with its learning-rate schedule."""
    rate = build_schedule(config, steps_per_epoch)
    if config.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=config.momentum)
    if config.optimizer == "rmsprop":
        return keras.optimizers.RMSprop(rate, momentum=config.momentum)
    return keras.optimizers.Adam(rate)


def build_loss(config: TrainConfig) -> keras.losses.Loss:
    """Return the loss between probabilities and one-hot targets."""
    if config.loss == "mse":
        return keras.losses.MeanSquaredError()
    return keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing)
