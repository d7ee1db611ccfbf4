"""What a training run is made of, and the recipe of each network."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Collection
from pathlib import Path

from host.data.augment import AugmentConfig
from host.data.hands.dataset import TRAINING
from host.data.mixture import CLEAR_HANDS, HANDS, NO_SIGN, PHOTOS
from host.data.split import parse_rule
from target.errors import DataError, ModelError
from target.vision.treatment import NO_TREATMENT, NORMALIZE, Treatment, treatment_of

OPTIMIZERS = ("adam", "sgd", "rmsprop")
SCHEDULES = ("constant", "inverse-time", "exponential", "cosine")
LOSSES = ("crossentropy", "mse")
CLASS_WEIGHTS = ("none", "balanced")


@dataclasses.dataclass(frozen=True)
class Stage:
    """What follows a training: from its best weights on, other images, a learning rate that falls once more.

    Attributes:
        epochs: Passes, at most.
        learning_rate: After the warm-up.
        mix: Images of each set that an epoch draws.
    """

    epochs: int
    learning_rate: float
    mix: dict[str, int]


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """One training run; written beside the model it produced.

    Attributes:
        network: A name of host.training.networks.
        epochs: Passes over the training rows, at most.
        batch_size: Rows a step.
        optimizer: `adam`, `sgd` (with momentum) or `rmsprop`.
        momentum: Of sgd and rmsprop.
        learning_rate: After the warm-up.
        schedule: `constant`, `inverse-time` (lr / (1 + decay * step)), `exponential`
            (lr * exp(-decay * step)) or `cosine` (to zero at the end).
        decay: Of the inverse-time and the exponential schedule, per step.
        warmup: Share of all steps in which the learning rate rises linearly from near zero.
        loss: `crossentropy` (categorical) or `mse` (mean squared error of the probabilities).
        label_smoothing: Of the cross-entropy.
        l1: Penalty on the absolute values of the kernels.
        l2: Penalty on the squares of the kernels.
        dropout: Rate of every dropout layer; None for the network's own.
        batch_norm: Whether there is batch normalization; None for what the network has.
        class_weights: `none`, or `balanced`: a letter with fewer images weighs more.
        patience: Epochs without a better one after which training stops; 0 for never.
        shuffle: Whether an epoch's order is drawn anew; without it rows come as they lie.
        validation: `tail:N` (the last N rows), `photo:SHARE` (whole source photos and signers) or
            `random:SHARE` (rows one by one, which leaks).
        augment: How far training images are changed; None for not at all.
        augment_hands: The same for rendered hands in a mixture; None: as the others.
        mix: Images of each set that an epoch draws, by name of host.data.mixture; None for every row once.
        pool: Rendered hands to draw from, at least those of an epoch.
        masked: Photos of a set in which the hand is looked for, so that it can get another background.
        treatment: What is done to the gray levels, here and on the board.
        seed: Of initial weights, shuffling, dropout and augmentation.
        later: Stages that follow.
    """

    network: str
    epochs: int
    batch_size: int = 32
    optimizer: str = "adam"
    momentum: float = 0.9
    learning_rate: float = 1e-4
    schedule: str = "constant"
    decay: float = 0.0
    warmup: float = 0.0
    loss: str = "crossentropy"
    label_smoothing: float = 0.0
    l1: float = 0.0
    l2: float = 0.0
    dropout: float | None = None
    batch_norm: bool | None = None
    class_weights: str = "none"
    patience: int = 0
    shuffle: bool = True
    validation: str = "photo:0.1"
    augment: AugmentConfig | None = None
    augment_hands: AugmentConfig | None = None
    mix: dict[str, int] | None = None
    pool: int = 0
    masked: int = 0
    treatment: Treatment = NO_TREATMENT
    seed: int = 1
    later: tuple[Stage, ...] = ()

    def stages(self) -> list[TrainConfig]:
        """Return the stages as trainings of their own, one after the other."""
        first = dataclasses.replace(self, later=())
        return [first, *(dataclasses.replace(first, **vars(stage)) for stage in self.later)]

    def after_the_first(self) -> TrainConfig:
        """Return the same without its first stage; one of a single stage as it is."""
        if not self.later:
            return self
        return dataclasses.replace(self.stages()[1], later=self.later[1:])

    def sets(self) -> dict[str, int] | None:
        """Return the images an epoch draws of each set, of all stages the most; None without a mixture."""
        if self.mix is None:
            return None
        sets = dict(self.mix)
        for stage in self.later:
            for name, count in stage.mix.items():
                sets[name] = max(count, sets.get(name, 0))
        return sets

    def without(self, missing: Collection[str]) -> TrainConfig:
        """Return the same without the sets that are missing."""
        return dataclasses.replace(
            self,
            mix=None if self.mix is None else _without(self.mix, missing),
            later=tuple(
                dataclasses.replace(stage, mix=_without(stage.mix, missing)) for stage in self.later
            ),
        )


def _without(mix: dict[str, int], missing: Collection[str]) -> dict[str, int]:
    return {name: count for name, count in mix.items() if name not in missing}


def check_config(config: TrainConfig) -> None:
    """Check what no other place checks.

    Raises:
        DataError: With the first fault; it names the option.
    """
    chosen = {
        "optimizer": OPTIMIZERS,
        "schedule": SCHEDULES,
        "loss": LOSSES,
        "class_weights": CLASS_WEIGHTS,
    }
    for name, known in chosen.items():
        if getattr(config, name) not in known:
            raise DataError(
                f"--{name.replace('_', '-')} must be one of {', '.join(known)},"
                f" got '{getattr(config, name)}'"
            )
    if not 0 < config.learning_rate < math.inf:
        raise DataError(f"--learning-rate must be more than 0, got {config.learning_rate}")
    for name, most in (
        ("momentum", 1.0),
        ("warmup", 1.0),
        ("label_smoothing", 1.0),
        ("dropout", 1.0),
        ("decay", math.inf),
        ("l1", math.inf),
        ("l2", math.inf),
        ("patience", math.inf),
    ):
        value = getattr(config, name)
        if value is not None and not 0 <= value < most:
            limit = f"0 or more, below {most:g}" if most < math.inf else "0 or more"
            raise DataError(f"--{name.replace('_', '-')} must be {limit}, got {value}")
    parse_rule(config.validation)
    if config.loss == "mse" and config.label_smoothing:
        raise DataError(
            f"--label-smoothing must go with --loss crossentropy, got {config.label_smoothing} with mse"
        )


def read_config(folder: Path) -> TrainConfig:
    """Return how a model was trained, from the train.json beside it.

    Raises:
        ModelError: If there is none, or it is damaged.
    """
    path = folder / "train.json"
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        known = {field.name for field in dataclasses.fields(TrainConfig)}
        stored = {name: value for name, value in facts["config"].items() if name in known}
        for name in ("augment", "augment_hands"):
            stored[name] = _augment_of(stored.get(name))
        stored["later"] = tuple(Stage(**stage) for stage in stored.get("later", ()))
        stored["treatment"] = treatment_of(facts.get("input", {}).get("treatment"))
        config = TrainConfig(**{"network": facts["network"], **stored})
        check_config(config)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, DataError) as error:
        raise ModelError(
            f"model to go on from must have a train.json, got '{error}' in {folder}; run make train"
        ) from error
    return config


def _augment_of(stored: dict[str, float] | None) -> AugmentConfig | None:
    if stored is None:
        return None
    known = {field.name for field in dataclasses.fields(AugmentConfig)}
    return AugmentConfig(**{name: value for name, value in stored.items() if name in known})


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
_COURSE = TrainConfig(network="intro", epochs=10, batch_size=64, learning_rate=1e-3)
# Photos of few people in few rooms: everything that another camera, room and hand would change.
_STRONG = AugmentConfig(
    rotate_deg=18.0,
    zoom=0.25,
    stretch=0.10,
    shift=0.10,
    shear=0.12,
    brightness=0.15,
    contrast=0.40,
    gamma=0.30,
    lighting=0.35,
    lit=0.4,
    invert=0.05,
    noise=10.0,
    noisy=0.4,
    blur=0.12,
    coarse=0.06,
    occlude=0.06,
    background=0.5,
)
# Rendered hands differ from each other already; what is left is what a renderer does not do to pixels.
_LIGHT = AugmentConfig(
    rotate_deg=4.0,
    zoom=0.04,
    stretch=0.01,
    shift=0.04,
    shear=0.03,
    brightness=0.10,
    contrast=0.20,
    blur=0.0,
)
_SIGNNET = TrainConfig(
    network="signnet",
    epochs=36,
    batch_size=128,
    learning_rate=3e-3,
    schedule="cosine",
    warmup=0.05,
    label_smoothing=0.05,
    augment=_STRONG,
    augment_hands=_LIGHT,
    dropout=0.0,  # measured: even 36 epochs of this mixture underfit
    validation="photo:0.05",
    mix={PHOTOS: 18_000, HANDS: 36_000, "davidlee": 10_000, "students": 1_500, NO_SIGN: 6_000},
    pool=96_000,
    masked=30_000,
    treatment=NORMALIZE,
    later=(
        # Letters held for a camera: after what hands can look like, what they mostly look like.
        Stage(
            epochs=24,
            learning_rate=2.5e-3,
            mix={
                PHOTOS: 15_000,
                HANDS: 16_000,
                "davidlee": 9_000,
                "students": 1_500,
                NO_SIGN: 6_000,
                CLEAR_HANDS: 24_000,
            },
        ),
        # And the photos once more, in small steps.
        Stage(
            epochs=6,
            learning_rate=1e-3,
            mix={
                PHOTOS: 26_000,
                HANDS: 10_000,
                "davidlee": 4_500,
                "students": 1_000,
                NO_SIGN: 6_000,
                CLEAR_HANDS: 24_000,
            },
        ),
    ),
)
AUGMENTATIONS = {"none": None, "light": _LIGHT, "normal": AugmentConfig(), "strong": _STRONG}
RECIPES = {
    "signnet": _SIGNNET,
    "tutorial": _TUTORIAL,
    "intro": _COURSE,
    "dropout": dataclasses.replace(_COURSE, network="dropout"),
}
RENDERED_EPOCHS = {"tutorial": 3, "signnet": 8}  # at most ten minutes on two cores
QUICK_EPOCHS = {"tutorial": 3, "signnet": 10}  # at most four minutes on two cores
_RENDERED_IDLE = 6_000  # pictures without a letter beside rendered hands alone
_QUICK_SHARE = 0.3  # of the images that an epoch of a mixture draws


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
        epochs = RENDERED_EPOCHS.get(network, full.epochs)
        has_idle = full.mix is not None and NO_SIGN in full.mix
        full = dataclasses.replace(
            full,
            epochs=epochs,
            augment=_LIGHT,
            augment_hands=None,
            mix={HANDS: TRAINING.images, NO_SIGN: _RENDERED_IDLE} if has_idle else None,
            later=(),
            validation="photo:0.05",
        )
    if not quick:
        return full
    epochs = QUICK_EPOCHS.get(network, full.epochs)
    epochs = max(1, epochs // 4) if rendered else epochs  # there are more images
    mix = full.mix
    if mix and not rendered:
        mix = {name: round(count * _QUICK_SHARE) for name, count in mix.items()}
    return dataclasses.replace(
        full, epochs=epochs, mix=mix, pool=0, masked=full.masked // 10, later=()
    )
