"""From the network's output to probabilities and a letter."""

from __future__ import annotations

import math
from typing import Any, List, NamedTuple, Optional

import numpy as np

from target.errors import ModelError
from target.manifest import Manifest
from target.runners.base import Runner, TensorSpec

_MOST_EXPONENT = 80.0  # of an output that is no letter's; far above any that matters
_CODES = 255  # the farthest that two int8 codes are apart


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return exp(x) / sum(exp(x)) along the last axis, float32, without overflow."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def log_probabilities(probabilities: np.ndarray) -> np.ndarray:
    """Return scores whose softmax is these probabilities, float32; a probability of zero counts as 1e-12."""
    return np.asarray(np.log(np.maximum(probabilities, np.float32(1e-12))))


class Prediction(NamedTuple):
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
        self._indices = [i for i, letter in enumerate(classes) if letter is not None]
        self._letters = classes
        self._gives_probabilities = gives_probabilities
        self._zero_point = spec.zero_point
        self._scale = spec.scale
        self._sharpness = 1 / temperature
        self._nothing = nothing
        self._of_codes = self._weigh_codes() if spec.dtype == "int8" else []

    def __call__(self, output: np.ndarray) -> Prediction:
        """Return the prediction of an output of the runner.

        A dozen numbers: plain Python is done before numpy has begun.
        """
        values: List[Any] = output.ravel().tolist()
        indices = self._indices
        ranked = sorted(
            indices, key=values.__getitem__, reverse=True
        )  # of equals the first stays first
        best, second = ranked[0], ranked[1] if len(ranked) > 1 else -1
        weights = self._weights(values, values[best])
        total = max(sum([weights[index] for index in indices]), 1e-12)
        own = 0.0 if self._nothing is None else weights[self._nothing]
        runner_up = self._letters[second] if second >= 0 else None
        letter = self._letters[best]
        assert letter is not None
        return Prediction(
            letter,
            weights[best] / total,
            runner_up,
            weights[second] / total if second >= 0 else 0.0,
            own / (own + total),
        )

    def _weights(self, values: List[Any], best: Any) -> List[float]:
        """Return what each output weighs: in proportion to its probability."""
        zero, scale, sharpness = self._zero_point, self._scale, self._sharpness
        if self._gives_probabilities:
            return [max((value - zero) * scale, 0.0) ** sharpness for value in values]
        if self._of_codes:
            of_codes, first = self._of_codes, best + _CODES
            return [of_codes[first - value] for value in values]
        slope = scale * sharpness
        return [math.exp(min((value - best) * slope, _MOST_EXPONENT)) for value in values]

    def _weigh_codes(self) -> List[float]:
        """Return what a code weighs that lies -_CODES ... _CODES below the best letter's."""
        slope = self._scale * self._sharpness
        below = range(-_CODES, _CODES + 1)
        return [math.exp(min(-code * slope, _MOST_EXPONENT)) for code in below]


def make_postprocessor(manifest: Manifest, runner: Runner, sharper: float = 1.0) -> Postprocessor:
    """Return what turns the outputs of a runner of a model into predictions.

    Args:
        manifest: Of the model.
        runner: Whose outputs.
        sharper: What scores are multiplied by beyond the manifest's temperature.
    """
    return Postprocessor(
        manifest.classes,
        runner.output,
        runner.gives_probabilities,
        manifest.temperature / sharper,
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
