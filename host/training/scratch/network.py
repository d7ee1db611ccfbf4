"""The network: convolution, pooling, softmax; its loss; one step of learning. numpy only."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from host.training.scratch.conv import SIZE as FILTER_SIZE
from host.training.scratch.conv import Conv
from host.training.scratch.pool import SIZE as POOL_SIZE
from host.training.scratch.pool import Pool
from host.training.scratch.softmax import Softmax

FILTERS = 8
_SMALLEST = float(np.finfo(np.float64).tiny)  # 1 / p of a smaller p is infinite


class Layer(Protocol):
    """What every layer can do."""

    def forward(self, x: np.ndarray, /) -> np.ndarray:
        """Return the output, and keep what backward needs."""

    def backward(self, d_output: np.ndarray, /) -> np.ndarray:
        """Find the gradients of the parameters, and return d loss / d input."""

    def parameters(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return each parameter with its gradient."""


class Network:
    """A gray image in, the probability of each class out.

    For 28x28 pixels and 10 classes:

        image (28, 28) -> Conv (26, 26, 8) -> Pool (13, 13, 8) -> Softmax (10,)

    with 8 * 3 * 3 = 72 numbers in the filters, 13 * 13 * 8 * 10 = 13,520 weights and 10 biases.

    Attributes:
        layers: In the order of the forward pass.
    """

    def __init__(
        self, height: int, width: int, classes: int, generator: np.random.Generator
    ) -> None:
        pooled = [(side - FILTER_SIZE + 1) // POOL_SIZE for side in (height, width)]
        self.conv = Conv(FILTERS, generator)
        self.pool = Pool()
        self.softmax = Softmax(pooled[0] * pooled[1] * FILTERS, classes, generator)
        self.layers: tuple[Layer, ...] = (self.conv, self.pool, self.softmax)

    def forward(self, pixels: np.ndarray) -> np.ndarray:
        """Return the probability of each class.

        Args:
            pixels: uint8 (h, w), 0-255; the first layer sees pixels / 255 - 0.5.

        Returns:
            float64 (classes,).
        """
        x = pixels / 255 - 0.5
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, probabilities: np.ndarray, label: int) -> np.ndarray:
        """Find the gradient of every parameter, from the last layer to the first.

        The loss depends on the probability of the right class alone:

            d loss / d p[k] = -1 / p[label] for k = label, 0 for every other k

        Args:
            probabilities: What forward returned last.
            label: Index of the right class.

        Returns:
            d loss / d input of the first layer, float64 (h, w).
        """
        d_x = np.zeros_like(probabilities)
        d_x[label] = -1 / probabilities[label]
        for layer in reversed(self.layers):
            d_x = layer.backward(d_x)
        return d_x

    def step(self, learning_rate: float) -> None:
        """Go a small step downhill: every parameter loses learning_rate times its gradient."""
        for layer in self.layers:
            for parameter, gradient in layer.parameters():
                parameter -= learning_rate * gradient


def cross_entropy(probabilities: np.ndarray, label: int) -> float:
    """Return the loss of one image: -log(p[label]), 0 if the network is sure and right.

    Args:
        probabilities: float64 (classes,).
        label: Index of the right class.

    Returns:
        0 or more; log(classes) for mere guessing; infinite if p[label] is (nearly) 0; NaN if it is.
    """
    p = float(probabilities[label])
    return math.inf if p < _SMALLEST else -math.log(p)
