"""Train a network on Sign Language MNIST, on rendered hands, or on a mixture of data sets.

    python -m host train --network signnet --data data/archive.zip --out build/models/signnet
    python -m host train --data hands                              # needs no archive
    python -m host train --data data/archive.zip --rendered 0.5    # half of the images are rendered
    python -m host train --network intro --optimizer sgd --learning-rate 0.05 --augment none
    python -m host train --compare intro dropout models/signnet    # side by side -> build/comparison

Writes float.keras, history.json, train.json, and workshop/page.html: curves, a verdict in plain language,
confusion matrix, most confused pairs, worst mistakes. Without options a network has its own recipe; signnet's
draws from several sets (--mix) and names those that are missing. An interrupted training goes on where it
stopped when the same command is given again. --quick shortens the recipe to a few minutes.
A recipe may have several stages, each with other images, from the best weights of the one before; signnet has
three. The later ones are left out with --epochs, --mix, --rendered, --quick and --data hands; where they are
not, --start FOLDER begins with the weights of a trained model in place of the first one:

    python -m host train --start models/signnet --epochs 5 --out build/models/further

--quantization-aware FOLDER goes on from a trained model with the rounding of int8 in the forward pass, and
writes the int8 model too:

    python -m host train --quantization-aware build/models/tutorial --out build/models/tutorial-aware

--distribute mirrored trains on all GPUs of this machine; --distribute multi-worker on several machines: start
the same command on each, TF_CONFIG says which one it is. The batch size is that of all workers together, and
the result that of one (but for rounding and dropout). Every worker draws all batches and computes its share;
worker 0 alone validates and writes. A worker that does not come within ten minutes, or is lost, ends all
with an error; the same command goes on from worker 0's last epoch:

    export TF_CONFIG='{"cluster": {"worker": ["one:222", "two:222"]}, "task": {"type": "worker", "index": 0}}'
    python -m host train --distribute multi-worker
"""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path
from typing import Any

from host.commands.quantization_aware import run_quantization_aware
from host.commands.training_options import add_recipe_options, config_of, load_samples
from host.commands.training_run import follow_training, read_start, run_training
from host.data.split import split_by_rule
from host.paths import BUILD, CACHE, DATA, build_folder
from host.report.workshop.compare import write_comparison
from host.report.workshop.verdict import Verdict
from host.training.cluster import STRATEGIES, Cluster, read_cluster
from host.training.config import RECIPES
from target import files
from target.command_line import make_parser, print_result, seed, start_log
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
        "--start",
        type=Path,
        metavar="FOLDER",
        help="trained model whose weights are begun with; the first of several stages is left out",
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
        help="share of rendered hands among the images of an epoch, 0-0.9; no other sets",
    )
    parser.add_argument("--out", type=Path, help="model folder; build/models/NETWORK if not given")
    parser.add_argument("--quick", action="store_true", help="a recipe of at most four minutes")
    add_recipe_options(parser)
    parser.add_argument("--seed", type=seed, default=1, help="of every random draw")
    parser.add_argument(
        "--compare",
        type=Path,
        nargs="+",
        metavar="MODEL",
        help="trained folders, or networks to train now, put side by side",
    )
    parser.add_argument(
        "--distribute",
        choices=STRATEGIES,
        help="train on all GPUs of this machine, or with the workers of TF_CONFIG",
    )
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder for parsed data")
    parser.add_argument("--force", action="store_true", help="replace a model that is there")
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    cluster = _cluster_of(args)
    if args.start:
        others = {"--compare": args.compare, "--quantization-aware": args.quantization_aware}
        _refuse_beside("--start", others)
    if args.compare:
        return _compare(args)
    config = config_of(args)
    start = read_start(args.start, config) if args.start else None
    name = f"{config.network}-aware" if args.quantization_aware else config.network
    out = args.out or build_folder(name)
    if (out / "float.keras").exists() and not args.force:
        raise OutputError(f"model folder must be new, got a trained model in {out}; use --force")
    config, samples = load_samples(args, config)
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
    if cluster is not None and cluster.rank > 0:
        follow_training(config, samples, out, cluster)
        text = f"worker {cluster.rank}: trained its share; worker 0 has written the model"
        print_result({"worker": cluster.rank, "workers": len(cluster.addresses)}, args.json, text)
        return 0
    result = run_training(config, samples, out, args.force, cluster, start)
    epochs = sum(stage.epochs for stage in config.stages())
    text = (
        f"{out}/float.keras: validation accuracy {result['validation']['accuracy']:.4f},"
        f" best epoch {result['best_epoch']} of {epochs}, {result['seconds']:.0f} s\n"
        f"{Verdict(**result['verdict']).as_text()}\n{out}/workshop/page.html"
    )
    print_result(result, args.json, text)
    return 0


def _refuse_beside(option: str, others: dict[str, Any]) -> None:
    """Refuse what is another task than the training of one network; `others` by option."""
    for other, given in others.items():
        if given:
            raise DataError(
                f"{option} must go with the training of one network, got {other};"
                " leave one of the two out"
            )


def _cluster_of(args: argparse.Namespace) -> Cluster | None:
    """Return who trains together, or None for this process alone."""
    if args.distribute is None:
        return None
    others = {
        "--compare": args.compare,
        "--start": args.start,
        "--quantization-aware": args.quantization_aware,
    }
    _refuse_beside("--distribute", others)
    return read_cluster(args.distribute, os.environ.get("TF_CONFIG"))


def _compare(args: argparse.Namespace) -> int:
    """Put trained folders side by side; a network's name stands for its folder, trained now if it is not."""
    out = args.out or BUILD / "comparison"
    files.check_writable(out / "comparison.html")
    folders = []
    for model in args.compare:
        name = str(model)
        if name not in RECIPES or model.is_dir():
            folders.append(model)
            continue
        folder = build_folder(name)
        if (folder / "float.keras").exists() and not args.force:
            _log.info("%s is trained; other options need --force", folder)
        else:
            args.network = name
            config, samples = load_samples(args, config_of(args))
            run_training(config, samples, folder, args.force)
        folders.append(folder)
    result = write_comparison(folders, out)
    print_result(result, args.json, str(result["page"]))
    return 0
