"""The training loop: one image at a time, plain stochastic gradient descent. numpy only."""

from __future__ import annotations

import dataclasses
import logging
import math
import time

import numpy as np

from host.training.scratch.network import Network, cross_entropy
from target.errors import ModelError

REPORT_EVERY = 100  # images
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class ScratchConfig:
    """A run.

    Attributes:
        epochs: How often every image is seen.
        images: To train on.
        learning_rate: Share of the gradient that a step takes.
        seed: Of every random draw: the images, the first weights, the order of each epoch.
    """

    epochs: int = 3
    images: int = 1000
    learning_rate: float = 0.005
    seed: int = 1


@dataclasses.dataclass(frozen=True)
class Labelled:
    """Images with the class of each.

    Attributes:
        images: uint8 (n, h, w).
        classes: int64 (n,), 0 to classes - 1.
    """

    images: np.ndarray
    classes: np.ndarray


@dataclasses.dataclass
class History:
    """How a training went.

    Attributes:
        past: Training, the past 100 images: seen (images so far, over all epochs), loss, accuracy.
            Each image is judged just before the network learns from it.
        epochs: One value per epoch: loss and accuracy (as above, of all its images), test_loss and
            test_accuracy (after it), seconds.
    """

    past: dict[str, list[float]]
    epochs: dict[str, list[float]]


def train(
    network: Network,
    training: Labelled,
    test: Labelled,
    config: ScratchConfig,
    generator: np.random.Generator,
) -> History:
    """Train the network in place; logs as it goes.

    Args:
        network: Learns.
        training: To learn from.
        test: To judge by after each epoch; never learned from.
        config: The run.
        generator: Of the order of the images.

    Raises:
        ModelError: If the loss is not a finite number any more.
    """
    history = History({}, {})
    with np.errstate(over="ignore", invalid="ignore"):  # a training that diverged shows in its loss
        for epoch in range(config.epochs):
            started = time.monotonic()
            _run_epoch(network, training, epoch, config, generator, history)
            test_loss, test_accuracy = evaluate(network, test)
            _check(test_loss, f"on the test images after epoch {epoch + 1}")
            _note(
                history.epochs,
                test_loss=test_loss,
                test_accuracy=test_accuracy,
                seconds=time.monotonic() - started,
            )
            _log.info(
                "epoch %d/%d: loss %.3f  accuracy %.1f %%  test loss %.3f  test accuracy %.1f %%",
                epoch + 1,
                config.epochs,
                history.epochs["loss"][-1],
                100 * history.epochs["accuracy"][-1],
                test_loss,
                100 * test_accuracy,
            )
    return history


def train_one(
    network: Network, image: np.ndarray, label: int, learning_rate: float
) -> tuple[float, bool]:
    """Learn from one image: forward, loss, backward, step.

    Args:
        network: Learns.
        image: uint8 (h, w).
        label: Index of the right class.
        learning_rate: Share of the gradient that the step takes.

    Returns:
        Its loss, and whether it was recognized; both before the step. No step if the loss is not
        finite.
    """
    probabilities = network.forward(image)
    loss = cross_entropy(probabilities, label)
    if math.isfinite(loss):
        network.backward(probabilities, label)
        network.step(learning_rate)
    return loss, int(probabilities.argmax()) == label


def evaluate(network: Network, test: Labelled) -> tuple[float, float]:
    """Return mean loss and accuracy, learning nothing."""
    losses, hits = [], []
    for image, label in zip(test.images, test.classes):
        probabilities = network.forward(image)
        losses.append(cross_entropy(probabilities, label))
        hits.append(int(probabilities.argmax()) == label)
    return float(np.mean(losses)), float(np.mean(hits))


def _run_epoch(
    network: Network,
    training: Labelled,
    epoch: int,
    config: ScratchConfig,
    generator: np.random.Generator,
    history: History,
) -> None:
    """Learn from every image once, in random order."""
    losses, hits = [], []
    count = len(training.images)
    for number, row in enumerate(generator.permutation(count), start=1):
        loss, hit = train_one(
            network, training.images[row], int(training.classes[row]), config.learning_rate
        )
        _check(loss, f"at image {number} of epoch {epoch + 1}")
        losses.append(loss)
        hits.append(hit)
        if number % REPORT_EVERY == 0:
            past_loss = float(np.mean(losses[-REPORT_EVERY:]))
            past_accuracy = float(np.mean(hits[-REPORT_EVERY:]))
            seen = epoch * count + number
            _note(history.past, seen=seen, loss=past_loss, accuracy=past_accuracy)
            _log.info(
                "epoch %d/%d, image %d/%d: past %d images: loss %.3f  accuracy %.0f %%",
                *(epoch + 1, config.epochs, number, count, REPORT_EVERY),
                *(past_loss, 100 * past_accuracy),
            )
    _note(history.epochs, loss=float(np.mean(losses)), accuracy=float(np.mean(hits)))


def _note(lists: dict[str, list[float]], **values: float) -> None:
    """Append each value to the list of its name."""
    for name, value in values.items():
        lists.setdefault(name, []).append(value)


def _check(loss: float, where: str) -> None:
    if not math.isfinite(loss):
        raise ModelError(f"training loss must be finite, got {loss} {where}; lower --learning-rate")
