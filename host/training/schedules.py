"""The learning rate over the steps of a run."""

from __future__ import annotations

from typing import Any

import keras

from host.training.config import SCHEDULES, TrainConfig
from target.errors import ModelError

_LEAST = 1e-3  # share of the learning rate at the first step of a warm-up


@keras.saving.register_keras_serializable(package="asl")
class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises linearly for a share of the steps and then goes as its kind says.

    Args:
        kind: A name of SCHEDULES.
        peak: The learning rate after the warm-up.
        steps: Of the whole run.
        warmup: Share of the steps.
        decay: Of `inverse-time` and `exponential`, per step.
    """

    def __init__(self, kind: str, peak: float, steps: int, warmup: float, decay: float) -> None:
        self.kind = kind
        self.peak = peak
        self.steps = steps
        self.warmup = warmup
        self.decay = decay

    def __call__(self, step: Any) -> Any:
        """Return the learning rate of a step."""
        ops = keras.ops
        step = ops.cast(step, "float32")
        if self.kind == "inverse-time":
            share = 1.0 / (1.0 + self.decay * step)
        elif self.kind == "exponential":
            share = ops.exp(-self.decay * step)
        elif self.kind == "cosine":
            done = (step / self.steps - self.warmup) / (1.0 - self.warmup)
            share = 0.5 * (1.0 + ops.cos(3.14159265 * ops.clip(done, 0.0, 1.0)))
        else:
            share = ops.ones_like(step)
        if self.warmup:
            risen = step / (self.warmup * self.steps)
            share = ops.where(risen < 1.0, risen + _LEAST, share)
        return self.peak * share

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        names = ("kind", "peak", "steps", "warmup", "decay")
        return {name: getattr(self, name) for name in names}


def build_schedule(config: TrainConfig, steps_per_epoch: int) -> Schedule:
    """Return what Keras takes as `learning_rate`.

    Raises:
        ModelError: If the schedule is unknown.
    """
    if config.schedule not in SCHEDULES:
        raise ModelError(f"schedule must be one of {sorted(SCHEDULES)}, got {config.schedule!r}")
    steps = config.epochs * steps_per_epoch
    return Schedule(config.schedule, config.learning_rate, steps, config.warmup, config.decay)
