"""Learning-rate schedules, by name."""

from __future__ import annotations

from typing import Any

import keras

from host.training.config import TrainConfig
from target.errors import ModelError


@keras.saving.register_keras_serializable(package="asl")
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """Rise linearly for the first twentieth of the steps, then fall to zero along a cosine."""

    def __init__(self, peak: float, steps: int) -> None:
        self.peak = peak
        self.steps = steps

    def __call__(self, step: Any) -> Any:
        """Return the learning rate of a step."""
        ops = keras.ops
        done = ops.cast(step, "float32") / self.steps
        rising = done * 20.0
        falling = 0.5 * (1.0 + ops.cos(3.14159265 * ops.clip((done - 0.05) / 0.95, 0.0, 1.0)))
        return self.peak * ops.where(done < 0.05, rising + 1e-3, falling)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"peak": self.peak, "steps": self.steps}


def build_schedule(config: TrainConfig, steps_per_epoch: int) -> Any:
    """Return what Keras takes as `learning_rate`.

    Raises:
        ModelError: If the schedule is unknown.
    """
    if config.schedule == "constant":
        return config.learning_rate
    if config.schedule == "inverse-time":
        return keras.optimizers.schedules.InverseTimeDecay(
            config.learning_rate, decay_steps=1, decay_rate=config.decay
        )
    if config.schedule == "cosine":
        return WarmupCosine(config.learning_rate, config.epochs * steps_per_epoch)
    raise ModelError(
        f"schedule must be one of ['constant', 'cosine', 'inverse-time'], got {config.schedule!r}"
    )
