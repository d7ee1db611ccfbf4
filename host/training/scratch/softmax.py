"""The last layer: a dense matrix gives each class a score, softmax makes them probabilities.

numpy only.
"""

from __future__ import annotations

import numpy as np


class Softmax:
    """A dense layer followed by softmax.

        scores = x @ weights + biases              x: the input as one long row
        output[k] = exp(scores[k]) / sum over j of exp(scores[j])

    Attributes:
        weights: float64 (inputs, classes).
        biases: float64 (classes,), zeros at first.
        d_weights: d loss / d weights of the last backward, same shape.
        d_biases: d loss / d biases of the last backward, same shape.
    """

    def __init__(self, inputs: int, classes: int, generator: np.random.Generator) -> None:
        # Divided by the number of inputs, so that all classes start nearly equally likely.
        self.weights = generator.standard_normal((inputs, classes)) / inputs
        self.biases = np.zeros(classes)
        self.d_weights = np.zeros_like(self.weights)
        self.d_biases = np.zeros_like(self.biases)

    def forward(self, maps: np.ndarray) -> np.ndarray:
        """Return the probability of each class; keeps what backward needs.

        Args:
            maps: float64 of any shape with `inputs` values.

        Returns:
            float64 (classes,), each 0 to 1, sum 1.
        """
        self._shape = maps.shape
        self._x = maps.reshape(-1)
        scores = self._x @ self.weights + self.biases
        # A common summand cancels in the fraction; without it exp of a large score is infinite.
        powers = np.exp(scores - scores.max())
        self._output = np.asarray(powers / powers.sum())
        return self._output

    def backward(self, d_output: np.ndarray) -> np.ndarray:
        """Find d_weights and d_biases, and return d loss / d maps.

        With p the output, the derivative of softmax is

            d p[j] / d scores[k] = p[j] * ((1 if j == k else 0) - p[k])

        so by the chain rule, summed over j,

            d_scores[k] = p[k] * (d_output[k] - sum over j of d_output[j] * p[j])

        (With the cross-entropy of network.py this becomes p[k] - 1 for the right class and p[k] for
        the others: what was said too much is taken away.) The scores are products and sums:

            d_weights[i, k] = x[i] * d_scores[k]
            d_biases[k]     = d_scores[k]
            d_x[i]          = sum over k of weights[i, k] * d_scores[k]

        Args:
            d_output: float64 (classes,).

        Returns:
            float64, of the shape that forward was given.
        """
        p = self._output
        d_scores = p * (d_output - d_output @ p)
        self.d_weights = np.outer(self._x, d_scores)
        self.d_biases = d_scores
        return np.asarray(self.weights @ d_scores).reshape(self._shape)

    def parameters(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return each parameter with its gradient."""
        return [(self.weights, self.d_weights), (self.biases, self.d_biases)]
