"""From the network's output to probabilities and a letter. numpy only."""

from __future__ import annotations

import dataclasses
from typing import List, Optional

import numpy as np

from target.errors import ModelError
from target.runners.base import TensorSpec


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return exp(x) / sum(exp(x)) along the last axis, float32, without overflow."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def log_probabilities(probabilities: np.ndarray) -> np.ndarray:
    """Return scores whose softmax is these probabilities, float32; a probability of zero counts as 1e-12."""
    return np.asarray(np.log(np.maximum(probabilities, np.float32(1e-12))))


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What the network says of one frame.

    Attributes:
        letter: The best letter.
        confidence: Its probability, 0-1, among all outputs that have a letter.
        runner_up: The second best letter; None if there is only one.
        runner_up_confidence: Its probability.
    """

    letter: str
    confidence: float
    runner_up: Optional[str]
    runner_up_confidence: float


class Postprocessor:
    """Turns the output of one runner into predictions; outputs without a letter never win.

    Args:
        classes: Of the manifest, one per output.
        spec: The runner's output, (1, outputs).
        gives_probabilities: Whether the runner's output is already a softmax.
        temperature: Of the manifest: what scores are divided by, so that a confidence of 80 % is right
            in 80 % of cases.

    Raises:
        ModelError: If the number of classes is not the number of outputs.
    """

    def __init__(
        self,
        classes: List[Optional[str]],
        spec: TensorSpec,
        gives_probabilities: bool,
        temperature: float = 1.0,
    ) -> None:
        outputs = int(np.prod(spec.shape))
        if outputs != len(classes):
            raise ModelError(
                f"manifest must have one class per output, got {len(classes)} classes"
                f" for {outputs} outputs of '{spec.name}'"
            )
        self._indices = np.array([i for i, letter in enumerate(classes) if letter is not None])
        self._letters = [letter for letter in classes if letter is not None]
        self._spec = spec
        self._gives_probabilities = gives_probabilities
        self._sharpness = np.float32(1 / temperature)

    def __call__(self, output: np.ndarray) -> Prediction:
        """Return the prediction of an output of the runner."""
        scores = output.reshape(-1)[self._indices].astype(np.float32)
        scores = (scores - self._spec.zero_point) * np.float32(self._spec.scale)
        best = int(np.argmax(scores))
        if self._gives_probabilities:
            sharpened = np.maximum(scores, 0) ** self._sharpness
            probabilities = sharpened / max(float(sharpened.sum()), 1e-12)
        else:
            probabilities = softmax(scores * self._sharpness)
        confidence = float(probabilities[best])
        if len(self._letters) < 2:
            return Prediction(self._letters[best], confidence, None, 0.0)
        scores[best] = -np.inf
        second = int(np.argmax(scores))
        return Prediction(
            self._letters[best], confidence, self._letters[second], float(probabilities[second])
        )


def best_outputs(scores: np.ndarray, classes: List[Optional[str]]) -> np.ndarray:
    """Return the best output of each row that has a letter.

    Args:
        scores: Any number (n, outputs).
        classes: One per output.

    Returns:
        int64 (n,).
    """
    indices = np.array([i for i, letter in enumerate(classes) if letter is not None])
    return np.asarray(indices[scores[:, indices].argmax(axis=1)], dtype=np.int64)
