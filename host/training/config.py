"""What a training run is made of, and the recipe of each network."""

from __future__ import annotations

import dataclasses

from host.data.augment import AugmentConfig
from target.errors import ModelError


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """One training run; written beside the model it produced.

    Attributes:
        network: A name of host.training.networks.
        epochs: Passes over the training rows.
        batch_size: Rows a step.
        learning_rate: Of Adam, at the start.
        schedule: `constant`, `inverse-time` (lr / (1 + decay * step)) or `cosine` (to zero at the
            end, after a warm-up of one twentieth of the steps).
        decay: Of the inverse-time schedule, per step.
        label_smoothing: Of the categorical cross-entropy.
        validation: `tail:N` (the last N rows) or `photo:SHARE` (whole source photos).
        augment: How far training images are changed; None for not at all.
        seed: Of initial weights, shuffling, dropout and augmentation.
    """

    network: str
    epochs: int
    batch_size: int = 32
    learning_rate: float = 1e-4
    schedule: str = "constant"
    decay: float = 0.0
    label_smoothing: float = 0.0
    validation: str = "photo:0.1"
    augment: AugmentConfig | None = None
    seed: int = 1


# The tutorial's own recipe: its `decay` is Keras 2's learning-rate decay, not weight decay.
_TUTORIAL = TrainConfig(
    network="tutorial",
    epochs=3,
    batch_size=32,
    learning_rate=1e-4,
    schedule="inverse-time",
    decay=1e-6,
    validation="tail:4000",
)
_SIGNNET = TrainConfig(
    network="signnet",
    epochs=30,
    batch_size=128,
    learning_rate=3e-3,
    schedule="cosine",
    label_smoothing=0.05,
    augment=AugmentConfig(),
)
# Rendered hands differ from each other already; what is left is what a renderer does not do to pixels.
_LIGHT = AugmentConfig(
    4.0, zoom=0.04, shift=0.04, shear=0.03, brightness=0.10, contrast=0.20, blur_share=0.0
)
RENDERED_EPOCHS = {"tutorial": 6, "signnet": 16}  # at most ten minutes on two cores
RECIPES = {"tutorial": _TUTORIAL, "signnet": _SIGNNET}
QUICK_EPOCHS = {"tutorial": 3, "signnet": 10}  # at most four minutes on two cores


def recipe(network: str, quick: bool = False, rendered: bool = False) -> TrainConfig:
    """Return the network's recipe.

    Args:
        network: A name of host.training.networks.
        quick: Shortened to a few minutes on two cores.
        rendered: For rendered hands alone.

    Raises:
        ModelError: If the network has no recipe.
    """
    if network not in RECIPES:
        raise ModelError(f"network must be one of {sorted(RECIPES)}, got {network!r}")
    full = RECIPES[network]
    if rendered:
        epochs = RENDERED_EPOCHS[network]
        full = dataclasses.replace(full, epochs=epochs, augment=_LIGHT, validation="photo:0.05")
    quick_epochs = QUICK_EPOCHS[network] // (2 if rendered else 1)  # there are more images
    return dataclasses.replace(full, epochs=quick_epochs) if quick else full
