"""Teach a trained model a person's own hands: transfer learning on some 20 photos a letter.

    python -m host finetune models/signnet --images photos/ --data data/archive.zip
    python -m host finetune models/signnet --images SIGNERS.npz --signer 2 --draws 5

--images is a folder of photos by letter (as `python -m target capture` makes it) or an .npz file of signers.
Photos that look alike (correlation above 0.9, or of one film) are grouped; groups are drawn until there are
--per-letter photos of each letter, and what is left of other groups judges the result. The first two layers
stay, the others learn on (--unfreeze N: the last and N before it); --replace-head starts the last one anew.
Half of every epoch is base data (--data and rendered hands), so that nothing is forgotten. Then the model is
quantized and compiled, and a table compares both before and after: on the photos held out, and on data that
neither was trained on (test images whose photo is not in the training part, rendered signers never trained
on).
With --draws N the same photos are divided N times; the model of the first division is kept.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import logging
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from host.commands.compile import GOLDEN_IMAGES, run_compilation
from host.commands.evaluate import evaluate_model, rows_apart
from host.commands.quantize import run_quantization
from host.data.calibration import choose_images, network_input
from host.data.hands.dataset import HELD_OUT, render_samples
from host.data.load import is_rendered, load_test_samples
from host.data.mixture import HANDS, NO_SIGN, PHOTOS, load_mixture
from host.data.own_photos import OwnSplit, split_own_photos
from host.data.samples import Samples
from host.data.signer_set import load_signer_set
from host.data.split import split_by_rule
from host.graph.from_keras import from_keras
from host.graph.keras_file import load_keras_model
from host.paths import BUILD, CACHE, DATA
from host.quantizer.config import QuantConfig
from host.quiet import import_keras
from host.training.confidence import find_temperature
from host.training.config import AUGMENTATIONS, TrainConfig
from target import files
from target.command_line import count, make_parser, print_result, seed, start_log
from target.errors import DataError, OutputError, exit_code_of
from target.manifest import NAME, Manifest, load_manifest
from target.vision.postprocess import log_probabilities

EPOCHS, EPOCH_IMAGES, BATCH, LEARNING_RATE = 24, 6000, 64, 1e-3
JUDGED_HANDS = 2400
_KEPT_BACK = 0.1  # of the base data, for the calibration of the confidence
_OWN_SET = "own photos, held out"
_log = logging.getLogger(__name__)


class Draw(NamedTuple):
    """One division of a person's photos, and what came of it by set, before and after."""

    split: OwnSplit
    results: dict[str, dict[str, dict[str, Any]]]


class _Own(NamedTuple):
    """A person's photos, and the film each is from."""

    samples: Samples
    clips: np.ndarray | None


class _Base(NamedTuple):
    """What the model knows already: to train on, to calibrate the confidence on, to judge by."""

    train: Samples
    kept_back: Samples
    judged: dict[str, Samples]


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = make_parser("python -m host finetune", __doc__)
    parser.add_argument("model", type=Path, help="compiled model folder with its float model")
    parser.add_argument(
        "--images", type=Path, required=True, help="folder by letter, or .npz file of signers"
    )
    parser.add_argument("--signer", help="whose photos of an .npz file")
    parser.add_argument("--data", type=Path, default=DATA, help="base data: archive or folder")
    parser.add_argument("--out", type=Path, help="build/models/NAME-own if not given")
    parser.add_argument("--per-letter", type=count, default=20, help="photos to train on, at most")
    parser.add_argument(
        "--unfreeze",
        type=int,
        help="layers before the last that learn; all but the first two if not given",
    )
    parser.add_argument("--replace-head", action="store_true", help="start the last layer anew")
    parser.add_argument("--epochs", type=count, default=EPOCHS, help=f"of {EPOCH_IMAGES} images")
    parser.add_argument("--learning-rate", type=float, default=LEARNING_RATE)
    parser.add_argument("--augment", choices=AUGMENTATIONS, default="normal")
    parser.add_argument(
        "--draws", type=count, default=1, help="divisions of the photos to judge by"
    )
    parser.add_argument("--seed", type=seed, default=1, help="of every random draw")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder for parsed data")
    parser.add_argument("--force", action="store_true", help="replace a model that is there")
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    if not 0 < args.learning_rate < 1:
        raise DataError(f"--learning-rate must be more than 0, below 1, got {args.learning_rate}")
    if args.unfreeze is not None and args.unfreeze < 0:
        raise DataError(f"--unfreeze must be 0 or more, got {args.unfreeze}")
    manifest = load_manifest(args.model)
    manifest.verify("float", "xmodel")
    out = args.out or BUILD / "models" / f"{manifest.name}-own"
    if out.resolve() == manifest.folder.resolve():
        raise OutputError(f"--out must be another folder than the model's, got {out}")
    if any((out / name).exists() for name in (NAME, "float.keras")) and not args.force:
        raise OutputError(f"model folder must be new, got a model in {out}; use --force")
    files.check_writable(out / NAME)
    own = _own_photos(args, manifest)
    split_own_photos(own.samples, args.per_letter, args.seed, own.clips)  # fails early
    base = _base(args, manifest)
    draws: list[Draw] = []
    with tempfile.TemporaryDirectory() as scratch:
        for index in range(args.draws):
            folder = out if index == 0 else Path(scratch) / f"{out.resolve().name}-{index + 1}"
            draws.append(_draw(args, manifest, own, base, folder, args.seed + index))
            _log.info("division %d of %d\n%s", index + 1, args.draws, _table(draws[-1]))
            result = _summary(draws, out)
            files.write_json(out / "finetune.json", result)
    print_result(result, args.json, _describe(result, draws[0]))
    return 0


def _own_photos(args: argparse.Namespace, manifest: Manifest) -> _Own:
    given = load_signer_set(args.images, manifest.input_size, manifest.max_trim, args.cache)
    if args.signer is None and len(given.signers) > 1:
        raise DataError(
            f"photos must be of one person, got signers {', '.join(given.signers[:12])} in"
            f" {given.samples.source}; choose one with --signer"
        )
    if args.signer is None:
        return _Own(given.samples, given.clips)
    if args.signer not in given.signers:
        known = ", ".join(given.signers[:12]) or "none"
        raise DataError(
            f"--signer must be one of {known}, got '{args.signer}' in {given.samples.source}"
        )
    rows = given.samples.known("signers") == given.signers.index(args.signer)
    return _Own(given.samples.take(rows), None if given.clips is None else given.clips[rows])


def _base(args: argparse.Namespace, manifest: Manifest) -> _Base:
    """Return what keeps the model's knowledge; rendered hands alone where there are no photos."""
    mix = {PHOTOS: EPOCH_IMAGES, HANDS: EPOCH_IMAGES}
    judged = {
        "rendered hands": render_samples(
            dataclasses.replace(HELD_OUT, images=JUDGED_HANDS), args.cache
        )
    }
    if args.data == DATA and not (DATA.is_dir() and any(DATA.iterdir())):
        _log.warning("nothing in %s/; rendered hands alone keep what the model knows", DATA)
        mix = {HANDS: EPOCH_IMAGES}
    elif is_rendered(args.data):
        mix = {HANDS: EPOCH_IMAGES}
    else:
        test = load_test_samples(args.data, args.cache, manifest.input_size, manifest.max_trim)
        apart = rows_apart(args.data, args.cache, test)
        if apart is not None and apart.any():
            judged["test photos"] = test.take(apart)
    if manifest.nothing is not None:
        mix[NO_SIGN] = EPOCH_IMAGES
    mixed = load_mixture(args.data, args.cache, mix)
    split = split_by_rule(mixed.samples, f"photo:{_KEPT_BACK}", args.seed)
    kept_back = mixed.samples.take(split.validation)
    return _Base(mixed.samples.take(split.train), kept_back, judged)


def _draw(
    args: argparse.Namespace,
    before: Manifest,
    own: _Own,
    base: _Base,
    folder: Path,
    seed_of_draw: int,
) -> Draw:
    import_keras()
    from host.training.finetune import OWN, FinetuneOptions, finetune

    split = split_own_photos(own.samples, args.per_letter, seed_of_draw, own.clips)
    trained = own.samples.take(split.train)
    options = FinetuneOptions(args.replace_head, args.unfreeze)
    mine = round(EPOCH_IMAGES * options.share)
    parts = list(dict.fromkeys(base.train.part_names()))
    shares = {str(name): (EPOCH_IMAGES - mine) // len(parts) for name in parts}
    config = TrainConfig(
        before.content["network"],
        epochs=args.epochs,
        batch_size=BATCH,
        learning_rate=args.learning_rate,
        schedule="cosine",
        warmup=0.05,
        label_smoothing=0.05,
        augment=AUGMENTATIONS[args.augment],
        mix={OWN: mine, **shares},
        treatment=before.treatment,
        seed=seed_of_draw,
    )
    model, history = finetune(before.file("float"), trained, base.train, config, options)
    facts = _facts(before, config, options, trained, history)
    if before.nothing is not None:
        facts["no_letter"] = {"output": before.nothing}
    facts["temperature"] = _temperature(model, base.kept_back, before)
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(files.replacing(folder / "train.json"))
        place.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        model.save(stack.enter_context(files.replacing(folder / "float.keras")))
    after = _compile(folder, base.train, trained, before)
    judged = {_OWN_SET: own.samples.take(split.held_out), **base.judged}
    results = {
        name: {
            when: evaluate_model(model_of, samples)
            for when, model_of in (("before", before), ("after", after))
        }
        for name, samples in judged.items()
    }
    return Draw(split, results)


def _temperature(model: Any, kept_back: Samples, before: Manifest) -> float:
    """Return the temperature that fits base data which the finetuning has not seen."""
    images = network_input(kept_back.images, before.treatment)
    scores = np.asarray(model.predict(images, batch_size=512, verbose=0))
    logits = log_probabilities(scores)
    return find_temperature(logits, kept_back.labels, np.ones(len(kept_back)), before.classes)


def _facts(
    before: Manifest, config: TrainConfig, options: Any, own: Samples, history: dict[str, Any]
) -> dict[str, Any]:
    """Return the content of train.json of a finetuned model."""
    return {
        "network": before.content["network"],
        "config": {**dataclasses.asdict(config), "validation": "own photos of other groups"},
        "data": {
            "source": f"{Path(own.source).name} and {', '.join(config.mix or {})}",
            "sha256": own.sha256,
        },
        "input": {
            "colour": "gray",
            "scale": before.input_scale,
            "treatment": before.treatment.describe(),
        },
        "finetuned": {
            "from": before.name,
            "xmodel_sha256": before.sha256,
            **dataclasses.asdict(options),
            "photos": len(own),
            "history": history,
        },
        "weights": before.content["training"].get("weights"),
    }


def _compile(folder: Path, base: Samples, own: Samples, before: Manifest) -> Manifest:
    """Quantize, on base data and up to as many own photos, and compile."""
    mine = choose_images(own.images, QuantConfig.count // 2, seed=1)
    images = np.concatenate(
        [mine, choose_images(base.images, QuantConfig.count - len(mine), seed=1)]
    )
    graph = from_keras(load_keras_model(folder / "float.keras"))
    facts = {
        "images": Path(own.source).name,
        "float_sha256": files.sha256_of(folder / "float.keras"),
    }
    name = folder.resolve().name
    calibration = network_input(images, before.treatment)
    run_quantization(graph, calibration, QuantConfig(), folder, name, facts)
    run_compilation(folder, folder, own.images[:GOLDEN_IMAGES], seed=1, name=name)
    return load_manifest(folder)


def _summary(draws: list[Draw], out: Path) -> dict[str, Any]:
    own = [draw.results[_OWN_SET]["after"] for draw in draws]
    after = [result["int8_correct"] / result["n"] for result in own]
    kept = ("n", "float_correct", "int8_correct")
    return {
        "out": str(out),
        "groups": draws[0].split.groups,
        "unjudged": draws[0].split.unjudged,
        "draws": [
            {
                "trained": len(draw.split.train),
                "results": {
                    name: {
                        when: {key: found[key] for key in kept} for when, found in results.items()
                    }
                    for name, results in draw.results.items()
                },
            }
            for draw in draws
        ],
        "int8_after": {
            "mean": round(float(np.mean(after)), 4),
            "worst": round(min(after), 4),
            "best": round(max(after), 4),
        },
    }


def _table(draw: Draw) -> str:
    kinds = "float    int8"
    lines = [
        f"{'':22} {'n':>6} {'before':>17} {'after':>17}",
        f"{'':22} {'':6} {kinds:>17} {kinds:>17}",
    ]
    for name, results in draw.results.items():
        cells = [
            " ".join(
                f"{result[f'{kind}_correct'] / result['n']:7.2%}" for kind in ("float", "int8")
            )
            for result in (results["before"], results["after"])
        ]
        lines.append(f"{name:22} {results['before']['n']:6} {cells[0]:>17} {cells[1]:>17}")
    return "\n".join(lines)


def _describe(result: dict[str, Any], first: Draw) -> str:
    lines = [_table(first)]
    if result["unjudged"]:
        lines.append(
            f"one group of photos alone, not judged: {', '.join(result['unjudged'])};"
            " take more in other places and light"
        )
    few = [f"{letter} ({many})" for letter, many in result["groups"].items() if 2 <= many < 4]
    if few:
        lines.append(f"few groups, judged by little: {', '.join(few)}")
    if len(result["draws"]) > 1:
        found = result["int8_after"]
        lines.append(
            f"{len(result['draws'])} divisions of the same photos, int8 after: mean {found['mean']:.2%},"
            f" worst {found['worst']:.2%}, best {found['best']:.2%}"
        )
    lines.append(f"{result['out']}: the model of the first division")
    return "\n".join(lines)
