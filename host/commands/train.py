"""Train a network on Sign Language MNIST, on rendered hands, or on both.

    python -m host train --network signnet --data data/archive.zip --out build/models/signnet
    python -m host train --data hands                              # needs no archive
    python -m host train --data data/archive.zip --rendered 0.5    # half of the images are rendered

Writes float.keras, history.json, history.png and train.json. An interrupted training goes on where
it stopped when the same command is given again. --quick shortens the recipe to a few minutes.
--quantization-aware FOLDER goes on from a trained model with the rounding of int8 in the forward pass, and
writes the int8 model too:

    python -m host train --quantization-aware build/models/tutorial --out build/models/tutorial-aware
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import logging
import math
from pathlib import Path
from typing import Any

import numpy as np

from host.commands.quantization_aware import EPOCHS, LEARNING_RATE, run_quantization_aware
from host.data.load import is_rendered, load_training_samples
from host.data.samples import Samples
from host.data.split import split_by_rule
from host.paths import CACHE, DATA, build_folder
from host.quiet import import_keras
from host.training.config import RECIPES, TrainConfig, recipe
from target import files
from target.command_line import count, make_parser, print_result, seed, start_log
from target.errors import DataError, OutputError, exit_code_of

_log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = make_parser("python -m host train", __doc__)
    parser.add_argument("--network", default="signnet", help=f"one of {', '.join(RECIPES)}")
    parser.add_argument(
        "--quantization-aware", type=Path, metavar="FOLDER", help="trained model to go on from"
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=DATA,
        help="archive, CSV, folder of photos, or hands (rendered)",
    )
    parser.add_argument(
        "--rendered",
        type=float,
        default=0.0,
        help="share of rendered hands among all images, 0-0.9",
    )
    parser.add_argument("--out", type=Path, help="model folder; build/models/NETWORK if not given")
    parser.add_argument("--quick", action="store_true", help="a recipe of at most four minutes")
    parser.add_argument("--epochs", type=count, help="other than the recipe's")
    parser.add_argument("--batch-size", type=count, help="other than the recipe's")
    parser.add_argument("--learning-rate", type=float, help="other than the recipe's")
    parser.add_argument("--validation", help="tail:N or photo:SHARE, other than the recipe's")
    parser.add_argument("--seed", type=seed, default=1, help="of every random draw")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder for parsed data")
    parser.add_argument("--force", action="store_true", help="replace a model that is there")
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args))


def _config(args: argparse.Namespace) -> TrainConfig:
    base = recipe(args.network, args.quick, is_rendered(args.data))
    if args.quantization_aware:
        network = _network_of(args.quantization_aware)
        rendered = is_rendered(args.data)
        known = network in RECIPES
        base = (
            recipe(network, rendered=rendered)
            if known
            else dataclasses.replace(base, network=network)
        )
        base = dataclasses.replace(base, epochs=EPOCHS, learning_rate=LEARNING_RATE)
    changes = {
        name: value
        for name in ("epochs", "batch_size", "learning_rate", "validation", "seed")
        if (value := getattr(args, name)) is not None
    }
    config = dataclasses.replace(base, **changes)
    if args.rendered and config.validation.startswith("tail:") and args.validation is None:
        # The tail would be rendered hands alone, of signers that are trained on.
        config = dataclasses.replace(config, validation="photo:0.1")
    if not 0 < config.learning_rate < math.inf:
        raise DataError(f"--learning-rate must be more than 0, got {config.learning_rate}")
    return config


def _network_of(folder: Path) -> str:
    try:
        return str(json.loads((folder / "train.json").read_text(encoding="utf-8"))["network"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"model to go on from must have a train.json, got '{error}' in {folder}; run make train"
        ) from error


def _run(args: argparse.Namespace) -> int:
    config = _config(args)
    name = f"{config.network}-aware" if args.quantization_aware else config.network
    out = args.out or build_folder(name)
    if (out / "float.keras").exists() and not args.force:
        raise OutputError(f"model folder must be new, got a trained model in {out}; use --force")
    samples = load_training_samples(args.data, args.cache, args.rendered)
    split_by_rule(samples, config.validation, config.seed)  # what cannot be split fails early
    files.check_writable(out / "float.keras")
    if args.quantization_aware:
        result = run_quantization_aware(args.quantization_aware, config, samples, out)
        aware = result["quantization_aware"]
        text = (
            f"{out}: int8 validation accuracy {aware['accuracy_before']:.4f} before,"
            f" {aware['accuracy_after']:.4f} after, best epoch {aware['best_epoch']} of {config.epochs}"
        )
        print_result(result, args.json, text)
        return 0
    result = run_training(config, samples, out, args.force)
    text = (
        f"{out}/float.keras: validation accuracy {result['validation']['accuracy']:.4f},"
        f" best epoch {result['best_epoch']} of {config.epochs}, {result['seconds']:.0f} s"
    )
    print_result(result, args.json, text)
    return 0


def run_training(config: TrainConfig, samples: Samples, out: Path, restart: bool) -> dict[str, Any]:
    """Train, and write everything that describes the result.

    Args:
        config: The run.
        samples: The training part.
        out: Model folder.
        restart: Give up an unfinished training of another configuration.

    Returns:
        The content of train.json.
    """
    import_keras()
    from host.training.checkpoint import Checkpoint
    from host.training.curves import plot_history
    from host.training.fit import train

    checkpoint = Checkpoint(out)
    trained = train(samples, config, checkpoint, restart)
    facts: dict[str, Any] = {
        "network": config.network,
        "config": dataclasses.asdict(config),
        "data": {
            "source": Path(samples.source).name,
            "sha256": samples.sha256,
            "rows_trained": len(trained.split.train),
            "rows_validated": len(trained.split.validation),
        },
        "input": {"colour": "gray", "scale": 1 / 255},
        "weights": int(trained.model.count_params()),
        "best_epoch": trained.best_epoch,
        "validation": {
            "accuracy": trained.history["val_accuracy"][trained.best_epoch - 1],
            "loss": trained.history["val_loss"][trained.best_epoch - 1],
        },
        "seconds": round(float(np.sum(trained.history["seconds"])), 1),
    }
    history = {"history": trained.history, "best_epoch": trained.best_epoch}
    plot_history(trained.history, trained.best_epoch, config.network, out / "history.png")
    with contextlib.ExitStack() as stack:
        # Left in reverse: the facts get their name last, when the model they describe is in place.
        for name, content in (("train.json", facts), ("history.json", history)):
            place = stack.enter_context(files.replacing(out / name))
            place.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        trained.model.save(stack.enter_context(files.replacing(out / "float.keras")))
    checkpoint.remove()
    return facts
