"""The options of `train` that change a network's recipe, and what is trained on."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from host.commands.quantization_aware import EPOCHS, LEARNING_RATE
from host.data.load import is_rendered, load_training_samples
from host.data.mixture import HANDS, NAMES, PHOTOS, check_mix, load_mixture
from host.data.samples import Samples
from host.training.config import (
    AUGMENTATIONS,
    CLASS_WEIGHTS,
    LOSSES,
    OPTIMIZERS,
    SCHEDULES,
    TrainConfig,
    check_config,
    read_config,
    recipe,
)
from target.command_line import count
from target.errors import DataError
from target.text.labels import STATIC_LABELS
from target.vision.treatment import RULES, Treatment

_MOST_RENDERED = 0.9
_PLAIN_OPTIONS = (
    *("epochs", "batch_size", "optimizer", "momentum", "learning_rate", "schedule", "decay"),
    *("warmup", "loss", "label_smoothing", "l1", "l2", "dropout", "batch_norm"),
    *("class_weights", "patience", "pool", "shuffle", "validation", "seed"),
)

# What quantization-aware training can be told.
_AWARE_OPTIONS = (
    "epochs",
    "batch_size",
    "learning_rate",
    "label_smoothing",
    "validation",
    "seed",
    "pool",
)


def add_recipe_options(parser: argparse.ArgumentParser) -> None:
    """Add every option that replaces a part of a network's recipe."""
    group = parser.add_argument_group("other than the network's recipe")
    group.add_argument(
        "--mix",
        type=_mix,
        metavar="SET=COUNT,...",
        help=f"images an epoch draws of each set: {', '.join(NAMES)}",
    )
    group.add_argument("--pool", type=count, help="rendered hands that a mixture draws from")
    group.add_argument("--epochs", type=count, help="at most")
    group.add_argument("--batch-size", type=count)
    group.add_argument("--optimizer", choices=OPTIMIZERS)
    group.add_argument("--momentum", type=float, help="of sgd and rmsprop, 0-1")
    group.add_argument(
        "--learning-rate", type=float, help="of the first stage where a recipe has several"
    )
    group.add_argument("--schedule", choices=SCHEDULES, help="of the learning rate")
    group.add_argument("--decay", type=float, help="of inverse-time and exponential, per step")
    group.add_argument("--warmup", type=float, help="share of the steps, 0-1")
    group.add_argument("--loss", choices=LOSSES)
    group.add_argument("--label-smoothing", type=float, help="of crossentropy, 0-1")
    group.add_argument("--l1", type=float, help="penalty on the kernels' absolute values")
    group.add_argument("--l2", type=float, help="penalty on the kernels' squares")
    group.add_argument("--dropout", type=float, help="rate of every dropout layer, 0-1")
    group.add_argument(
        "--batch-norm", action=argparse.BooleanOptionalAction, help="with or without"
    )
    group.add_argument("--augment", choices=AUGMENTATIONS, help="how far images are changed")
    group.add_argument(
        "--class-weights", choices=CLASS_WEIGHTS, help="for letters of unequal number"
    )
    group.add_argument(
        "--patience", type=int, help="stop after so many epochs without a better one; 0 for never"
    )
    group.add_argument("--shuffle", action=argparse.BooleanOptionalAction, help="each epoch")
    group.add_argument(
        "--validation", help="tail:N, photo:SHARE or random:SHARE (which leaks, and says so)"
    )
    group.add_argument(
        "--treatment", choices=RULES, help="of the gray levels, here and on the board"
    )


def _mix(text: str) -> dict[str, int]:
    try:
        pairs = [(name, int(amount)) for name, amount in (p.split("=") for p in text.split(","))]
        mix = dict(pairs)
        check_mix(mix)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be SET=COUNT,SET=COUNT, got {text}") from None
    except DataError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if len(mix) < len(pairs):
        raise argparse.ArgumentTypeError(f"must name each set once, got {text}")
    return mix


def config_of(args: argparse.Namespace) -> TrainConfig:
    """Return the network's recipe with what was asked for instead.

    A recipe's later stages are left out where other epochs or images are asked for; its first one is with a
    model to begin with.

    Raises:
        DataError: If an option is out of range, or does not go with another one.
        ModelError: If the network has no recipe, or the model to go on from has no train.json.
    """
    if args.quantization_aware:
        base = _aware_recipe(args)
    else:
        base = recipe(args.network, args.quick, is_rendered(args.data))
    if args.start:
        base = base.after_the_first()
    changes: dict[str, Any] = {
        name: value for name in _PLAIN_OPTIONS if (value := getattr(args, name)) is not None
    }
    if args.epochs or args.mix is not None or args.rendered is not None:
        changes["later"] = ()
    if args.augment:
        changes["augment"] = AUGMENTATIONS[args.augment]
        changes["augment_hands"] = None
    if args.treatment:
        changes["treatment"] = Treatment(args.treatment)
    if args.mix is not None:
        changes["mix"] = args.mix
    config = dataclasses.replace(base, **changes)
    mixed = config.mix if args.rendered is None else args.rendered
    if mixed and config.validation.startswith("tail:") and args.validation is None:
        # The tail would be images of the last set alone.
        config = dataclasses.replace(config, validation="photo:0.1")
    check_config(config)
    return config


def _aware_recipe(args: argparse.Namespace) -> TrainConfig:
    """Return how a trained model is trained on with int8 in the forward pass: by its own split.

    Rows that the model was trained on must not judge it now.
    """
    others = [name for name in (*_PLAIN_OPTIONS, "treatment") if name not in _AWARE_OPTIONS]
    unused = [name for name in others if getattr(args, name) is not None]
    unused += ["quick"] if args.quick else []
    if unused:
        option = unused[0].replace("_", "-")
        raise DataError(
            f"--quantization-aware takes {', '.join('--' + x.replace('_', '-') for x in _AWARE_OPTIONS)},"
            f" got --{option}; leave it out"
        )
    base = read_config(args.quantization_aware).stages()[-1]
    if is_rendered(args.data) and PHOTOS in (base.mix or {}):
        base = dataclasses.replace(base, mix=None)
    return dataclasses.replace(
        base,
        epochs=EPOCHS,
        learning_rate=LEARNING_RATE,
        optimizer="adam",
        schedule="cosine",
        warmup=0.05,
        loss="crossentropy",
        l1=0.0,
        l2=0.0,
        class_weights="none",
        patience=0,
    )


def load_samples(args: argparse.Namespace, config: TrainConfig) -> tuple[TrainConfig, Samples]:
    """Load what is trained on; returns the configuration with the mixture that was found."""
    mix = config.sets()
    if args.rendered is not None:
        if not 0 <= args.rendered <= _MOST_RENDERED:
            raise DataError(f"--rendered must be 0 to {_MOST_RENDERED}, got {args.rendered}")
        if args.mix or is_rendered(args.data):
            other = "--mix" if args.mix else "rendered hands alone"
            raise DataError(f"--rendered must go with photos, got {args.rendered} with {other}")
        real = len(load_training_samples(args.data, args.cache))
        hands = max(round(real * args.rendered / (1 - args.rendered)), len(STATIC_LABELS))
        mix = {PHOTOS: real, HANDS: hands} if args.rendered else None
    if mix is None:
        return dataclasses.replace(config, mix=None), load_training_samples(args.data, args.cache)
    if PHOTOS in mix and is_rendered(args.data):
        raise DataError(f"{PHOTOS} of --mix must be an archive or a folder, got --data {args.data}")
    masked = config.masked if config.augment and config.augment.background else 0
    mixed = load_mixture(args.data, args.cache, mix, config.pool, masked)
    if args.rendered is not None:
        config = dataclasses.replace(config, mix=mix)
    return config.without(mixed.missing), mixed.samples
