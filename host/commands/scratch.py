"""Train a small convolutional network that is written out in numpy: how training works, to be read.

    python -m host scratch --data data/archive.zip
    python -m host scratch --data hands --out build/scratch      # needs no archive, learns slower

Convolution with eight 3x3 filters, 2x2 max pooling, softmax; backpropagation by hand, one image at
a time: see host/training/scratch/. Ten letters, A to K without J, as many images of each. Judged
after each epoch by as many test images, at most 1,000; of a folder of photos, which has no test
part, by photos that were not trained on. --out writes history.json and history.png.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import math
from pathlib import Path
from typing import Any

import numpy as np

from host.data.load import load_test_samples, load_training_samples
from host.data.photos import is_photo_folder
from host.data.samples import Samples
from host.paths import CACHE, DATA
from host.training.scratch.curve import plot_history
from host.training.scratch.letters import LABELS, classes, draw
from host.training.scratch.network import Network
from host.training.scratch.train import History, Labelled, ScratchConfig, train
from target import files
from target.command_line import count, make_parser, print_result, seed, start_log
from target.errors import DataError, OutputError, exit_code_of
from target.text.labels import letter_of

MOST_TEST_IMAGES = 1000
_log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    default = ScratchConfig()
    parser = make_parser("python -m host scratch", __doc__)
    parser.add_argument(
        "--data",
        type=Path,
        default=DATA,
        help="archive, CSV, folder of photos, or hands (rendered)",
    )
    parser.add_argument("--epochs", type=count, default=default.epochs, help="how often all images")
    parser.add_argument("--images", type=count, default=default.images, help="to train on")
    parser.add_argument("--seed", type=seed, default=default.seed, help="of every random draw")
    parser.add_argument(
        "--learning-rate", type=float, default=default.learning_rate, help="size of the steps"
    )
    parser.add_argument("--out", type=Path, help="folder for history.json and history.png")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder for parsed data")
    parser.add_argument("--force", action="store_true", help="replace a history that is there")
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    config = _config(args)
    if args.out:
        _check_out(args.out, args.force)
    # One generator each: other epochs or another learning rate leave the images what they are.
    drawing, weights, order = np.random.default_rng(config.seed).spawn(3)
    training, test, source = _load(args, config, drawing)
    height, width = training.images.shape[1:]
    network = Network(height, width, len(LABELS), weights)
    history = train(network, training, test, config, order)
    result = _describe(config, source, test, history)
    if args.out:
        files.write_json(args.out / "history.json", result)
        plot_history(history, config.images, args.out / "history.png")
    text = (
        f"test accuracy {result['test_accuracy']:.1%} on {result['test_images']} images of"
        f" {result['letters']} after {config.epochs} epochs of {config.images} images,"
        f" {result['seconds']:.1f} s"
    )
    print_result(result, args.json, text)
    return 0


def _config(args: argparse.Namespace) -> ScratchConfig:
    if not 0 < args.learning_rate < math.inf:
        raise DataError(
            f"--learning-rate must be more than 0 and finite, got {args.learning_rate};"
            f" {ScratchConfig.learning_rate} is a good start"
        )
    if args.images < len(LABELS):
        raise DataError(
            f"--images must be {len(LABELS)} or more, one of each letter, got {args.images}"
        )
    return ScratchConfig(args.epochs, args.images, args.learning_rate, args.seed)


def _check_out(out: Path, force: bool) -> None:
    for name in ("history.json", "history.png"):
        if (out / name).is_file() and not force:
            raise OutputError(f"output folder must hold no {name}, got one in {out}; use --force")
        files.check_writable(out / name)


def _load(
    args: argparse.Namespace, config: ScratchConfig, generator: np.random.Generator
) -> tuple[Labelled, Labelled, Samples]:
    """Return the images to train on, those to judge by, and where they come from."""
    samples = load_training_samples(args.data, args.cache)
    rows = draw(samples, config.images, generator)
    test_count = min(config.images, MOST_TEST_IMAGES)
    if is_photo_folder(args.data):
        judged = samples.take(draw(samples, test_count, generator, taken=rows))
    else:
        test = load_test_samples(args.data, args.cache)
        judged = test.take(draw(test, test_count, generator))
    _log.info("%d training and %d test images of ten letters", config.images, test_count)
    return _labelled(samples.take(rows)), _labelled(judged), samples


def _labelled(samples: Samples) -> Labelled:
    return Labelled(samples.images, classes(samples.labels))


def _describe(
    config: ScratchConfig, samples: Samples, test: Labelled, history: History
) -> dict[str, Any]:
    return {
        "config": dataclasses.asdict(config),
        "letters": "".join(letter_of(label) for label in LABELS),
        "data": {"source": Path(samples.source).name, "sha256": samples.sha256},
        "test_images": len(test.images),
        "test_loss": history.epochs["test_loss"][-1],
        "test_accuracy": history.epochs["test_accuracy"][-1],
        "seconds": round(sum(history.epochs["seconds"]), 2),
        "history": dataclasses.asdict(history),
    }
