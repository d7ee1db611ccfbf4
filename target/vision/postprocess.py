"""From the network's output to probabilities and a letter. numpy only."""

from __future__ import annotations

import dataclasses
from typing import List, Optional

import numpy as np

from target.errors import ModelError
from target.manifest import Manifest
from target.runners.base import Runner, TensorSpec


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
        nothing: Probability that there is no letter to read, among all outputs, if the model has an output
            for that; else 0.
    """

    letter: str
    confidence: float
    runner_up: Optional[str]
    runner_up_confidence: float
    nothing: float = 0.0

    @property
    def is_nothing(self) -> bool:
        """Whether there is more likely no letter than one."""
        return self.nothing >= 0.5


class Postprocessor:
    """Turns the output of one runner into predictions; outputs without a letter never win.

    Args:
        classes: Of the manifest, one per output.
        spec: The runner's output, (1, outputs).
        gives_probabilities: Whether the runner's output is already a softmax.
        temperature: Of the manifest: what scores are divided by, so that a confidence of 80 % is right
            in 80 % of cases.
        nothing: Index of the output that says there is no letter; None if there is none.

    Raises:
        ModelError: If the number of classes is not the number of outputs.
    """

    def __init__(
        self,
        classes: List[Optional[str]],
        spec: TensorSpec,
        gives_probabilities: bool,
        temperature: float = 1.0,
        nothing: Optional[int] = None,
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
        self._nothing = nothing

    def __call__(self, output: np.ndarray) -> Prediction:
        """Return the prediction of an output of the runner."""
        every = output.reshape(-1).astype(np.float32)
        every = (every - self._spec.zero_point) * np.float32(self._spec.scale)
        scores = every[self._indices]
        best = int(np.argmax(scores))
        if self._gives_probabilities:
            sharpened = np.maximum(scores, 0) ** self._sharpness
            weight = float(sharpened.sum())
            probabilities = sharpened / max(weight, 1e-12)
        else:
            raised = np.exp((scores - scores[best]) * self._sharpness)
            weight = float(raised.sum())
            probabilities = raised / weight
        nothing = self._probability_of_nothing(every, scores[best], weight)
        confidence = float(probabilities[best])
        if len(self._letters) < 2:
            return Prediction(self._letters[best], confidence, None, 0.0, nothing)
        scores[best] = -np.inf
        second = int(np.argmax(scores))
        return Prediction(
            self._letters[best],
            confidence,
            self._letters[second],
            float(probabilities[second]),
            nothing,
        )

    def _probability_of_nothing(self, every: np.ndarray, best: np.float32, weight: float) -> float:
        """Return how likely there is no letter; weight is what all letters weigh together."""
        if self._nothing is None:
            return 0.0
        if self._gives_probabilities:
            own = float(max(every[self._nothing], 0.0) ** self._sharpness)
        else:
            own = float(np.exp(min((every[self._nothing] - best) * self._sharpness, 80.0)))
        return own / max(own + weight, 1e-12)


def make_postprocessor(manifest: Manifest, runner: Runner) -> Postprocessor:
    """Return what turns the outputs of a runner of a model into predictions."""
    return Postprocessor(
        manifest.classes,
        runner.output,
        runner.gives_probabilities,
        manifest.temperature,
        manifest.nothing,
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
