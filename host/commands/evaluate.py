"""Accuracy of a model, float (Keras) and int8 (emulator), on a test set or on signers it has never seen.

    python -m host evaluate models/signnet --data data/archive.zip --json
    python -m host evaluate models/signnet --data SIGNERS.npz --reliability reliability.png

--data is the Kaggle archive (its test part is used), an .npz file of signers (images, labels, and optional
signer and clip), a folder of photos by letter, or hands (rendered). Only the 24 still letters can be answers.
Prints {"n", "float_correct", "int8_correct", "mirrored", "apart", "per_signer", "clips", "per_letter",
"confusion", "calibration"}: `mirrored` is the same images seen in a mirror; `apart` leaves out test images
whose photo is also in the training part; `clips` counts films by majority vote; rows of `confusion` are the
truth, columns the int8 model's answer. --save keeps it in the model's folder; a set of signers is also
counted in its evaluations.json.
"""

from __future__ import annotations

import argparse
import datetime
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np

from host.data.groups import photo_groups
from host.data.load import is_rendered
from host.data.locate import locate
from host.data.photos import is_photo_folder
from host.data.samples import Samples
from host.data.sign_mnist import load_sign_mnist
from host.data.signer_set import SignerSet, load_signer_set
from host.dpu.engines.base import ENGINES
from host.paths import CACHE, DATA
from host.report.reliability import plot_reliability
from host.runners.answers import Answers
from host.training.confidence import labels_of, reliability
from target import files
from target.command_line import make_parser, print_result, start_log
from target.errors import DataError, ModelError, exit_code_of
from target.manifest import NAME, Manifest, load_manifest
from target.text.labels import STATIC_LABELS, STATIC_LETTERS, letter_of

LOG = "evaluations.json"
_MOST_SIGNERS = 12  # in the text
_log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = make_parser("python -m host evaluate", __doc__)
    parser.add_argument("model", type=Path, help="model folder")
    parser.add_argument(
        "--data", type=Path, default=DATA, help="data set, .npz file of signers, or folder"
    )
    parser.add_argument("--no-float", action="store_true", help="int8 only; needs no TensorFlow")
    parser.add_argument("--engine", default="auto", help=f"auto or one of {', '.join(ENGINES)}")
    parser.add_argument("--save", action="store_true", help="keep the result in the model's folder")
    parser.add_argument("--reliability", type=Path, help="file for the reliability plot, .png")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder for parsed data")
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    if args.save and args.no_float:
        raise DataError("--save keeps both accuracies, got --no-float; leave one of them out")
    if args.reliability:
        if args.reliability.suffix != ".png":
            raise DataError(f"--reliability must be a .png file, got {args.reliability}")
        files.check_writable(args.reliability)
    manifest = load_manifest(args.model)
    given = load_signer_set(args.data, manifest.input_size, manifest.max_trim, args.cache)
    apart = rows_apart(args.data, args.cache, given.samples)
    result = evaluate_signers(manifest, given, not args.no_float, args.engine, apart)
    if args.save:
        _save(manifest, result, args.data)
    if args.reliability:
        plot_reliability(
            result["calibration"], f"{manifest.name}, {result['dataset']}", args.reliability
        )
    print_result(result, args.json, _describe(manifest, result))
    return 0


def _describe(manifest: Manifest, result: dict[str, Any]) -> str:
    lines = [f"{manifest.name}: {result['n']} images of {result['dataset']}, {_rights(result)}"]
    lines.append(f"  in a mirror: {_rights({**result['mirrored'], 'n': result['n']})}")
    if result["apart"]:
        lines.append(f"  photos not in the training part: {_rights(result['apart'])}")
    signers = list(result["per_signer"].items())
    lines += [f"  signer {name}: {_rights(counts)}" for name, counts in signers[:_MOST_SIGNERS]]
    if len(signers) > _MOST_SIGNERS:
        lines.append(f"  and {len(signers) - _MOST_SIGNERS} signers more (--json has them)")
    if result["clips"]:
        lines.append(f"  films by majority vote: {_rights(result['clips'])}")
    found = result["calibration"]
    lines.append(
        f"  expected calibration error {found['expected_calibration_error']:.1%}"
        f" at temperature {found['temperature']}"
    )
    return "\n".join(lines)


def _rights(counts: dict[str, Any]) -> str:
    parts = [
        f"{kind} {counts[f'{kind}_correct']} of {counts['n']} right"
        f" ({counts[f'{kind}_correct'] / max(counts['n'], 1):.2%})"
        for kind in ("float", "int8")
        if counts[f"{kind}_correct"] is not None
    ]
    return ", ".join(parts)


def rows_apart(path: Path, cache: Path | None, test: Samples) -> np.ndarray | None:
    """Return which test images of the archive show a photo that is not in its training part."""
    if path.suffix == ".npz" or is_rendered(path) or is_photo_folder(path):
        return None
    train = load_sign_mnist(locate(path), cache).train
    images = np.concatenate([train.images, test.images])
    groups = photo_groups(images, np.concatenate([train.labels, test.labels]))
    return ~np.isin(groups[len(train) :], groups[: len(train)])


def evaluate_model(
    manifest: Manifest, samples: Samples, with_float: bool = True, engine: str = "auto"
) -> dict[str, Any]:
    """Count right answers to samples whose signers do not matter; see evaluate_signers."""
    return evaluate_signers(manifest, SignerSet(samples), with_float, engine)


def evaluate_signers(
    manifest: Manifest,
    given: SignerSet,
    with_float: bool = True,
    engine: str = "auto",
    apart: np.ndarray | None = None,
) -> dict[str, Any]:
    """Count right answers.

    Args:
        manifest: Of the model.
        given: Gray images; brought to the network's size by the manifest's crop rule.
        with_float: Also run the float model in Keras.
        engine: Of the emulator.
        apart: bool (n,), images that are also counted on their own.

    Returns:
        What the command prints.
    """
    samples, classes = given.samples, manifest.classes
    answers = Answers(manifest, engine, with_float)
    logits = answers.logits(samples.images)
    labels = samples.labels.astype(np.int64)
    letters = {kind: labels_of(scores, classes) for kind, scores in logits.items()}
    right = {kind: found == labels for kind, found in letters.items()}
    mirrored = answers.logits(np.ascontiguousarray(samples.images[:, :, ::-1]))
    in_mirror = {kind: labels_of(scores, classes) == labels for kind, scores in mirrored.items()}
    hashes = {
        role: manifest.content["files"].get(role, {}).get("sha256") for role in ("xmodel", "float")
    }

    def count(rows: np.ndarray) -> dict[str, int | None]:
        return {"n": int(rows.sum()), **_correct(right, rows)}

    every = np.ones(len(samples), dtype=bool)
    return {
        "model_sha256": hashes,
        "dataset": Path(samples.source).name,
        "dataset_sha256": samples.sha256,
        **count(every),
        "mirrored": _correct(in_mirror, every),
        "apart": None if apart is None else count(apart),
        "per_signer": {
            name: count(samples.known("signers") == index)
            for index, name in enumerate(given.signers)
        },
        "clips": _clips(given, letters),
        "per_letter": {letter_of(label): count(labels == label) for label in STATIC_LABELS},
        "letters": STATIC_LETTERS,
        "confusion": _confusion(labels, letters["int8"]),
        "calibration": reliability(logits["int8"], labels, classes, manifest.temperature),
    }


def _correct(right: dict[str, np.ndarray], rows: np.ndarray) -> dict[str, int | None]:
    return {
        f"{kind}_correct": int(right[kind][rows].sum()) if kind in right else None
        for kind in ("float", "int8")
    }


def _clips(given: SignerSet, letters: dict[str, np.ndarray]) -> dict[str, int | None] | None:
    """Count films whose most frequent answer is right; of equally frequent ones the first letter counts."""
    if given.clips is None:
        return None
    labels = given.samples.labels.astype(np.int64)
    # A film of several letters is several films.
    films = np.unique(np.stack([given.clips, labels], axis=1), axis=0)
    right: dict[str, np.ndarray] = {}
    for kind, found in letters.items():
        votes = [
            np.bincount(found[(given.clips == clip) & (labels == label)]).argmax() == label
            for clip, label in films
        ]
        right[kind] = np.array(votes)
    return {"n": len(films), **_correct(right, np.ones(len(films), dtype=bool))}


def _confusion(labels: np.ndarray, answers: np.ndarray) -> list[list[int]]:
    places = {label: place for place, label in enumerate(STATIC_LABELS)}
    table = np.zeros((len(places), len(places)), dtype=np.int64)
    for truth, answer in zip(labels, answers):
        table[places[int(truth)], places[int(answer)]] += 1
    return [[int(count) for count in row] for row in table]


def save_metrics(manifest: Manifest, result: dict[str, Any]) -> None:
    """Write metrics.json, and the accuracies into the manifest."""
    content = dict(manifest.content)
    content["accuracy"] = {
        "float": round(result["float_correct"] / result["n"], 6),
        "int8": round(result["int8_correct"] / result["n"], 6),
        "dataset": result["dataset"],
        "n": result["n"],
    }
    files.write_json(manifest.folder / "metrics.json", result)
    files.write_json(manifest.folder / NAME, content)


def _save(manifest: Manifest, result: dict[str, Any], data: Path) -> None:
    if data.suffix != ".npz":
        save_metrics(manifest, result)
        return
    place = manifest.folder / LOG
    content = _read_log(place)
    known = content["sets"].setdefault(result["dataset"], {"evaluations": []})
    known["evaluations"].append(
        {
            "sha256": result["dataset_sha256"],
            "when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "model_sha256": result["model_sha256"]["xmodel"],
            **{name: result[name] for name in ("n", "float_correct", "int8_correct", "mirrored")},
            "per_signer": result["per_signer"],
        }
    )
    files.write_json(place, content)


def _read_log(place: Path) -> dict[str, Any]:
    if not place.exists():
        return {"sets": {}}
    try:
        content = json.loads(place.read_text(encoding="utf-8"))
        for known in content["sets"].values():
            list(known["evaluations"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"log must have the evaluations of each set, got '{error}' in {place}; restore it"
        ) from error
    return dict(content)
