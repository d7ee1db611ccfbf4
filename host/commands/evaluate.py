"""Accuracy of a model, float (Keras) and int8 (emulator), on a test set.

    python -m host evaluate models/signnet --data data/archive.zip --json

--data is the Kaggle archive (its test part is used) or a folder of photos by letter. Only the 24
still letters can be answers. Prints {"n", "float_correct", "int8_correct", "per_letter",
"confusion"}; rows of `confusion` are the truth, columns the int8 model's answer. --save keeps it in
the model's folder.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
from pathlib import Path
from typing import Any

import numpy as np

from host.data.load import load_test_samples
from host.data.samples import Samples
from host.dpu.engines.base import ENGINES
from host.graph.keras_file import load_keras_model
from host.paths import CACHE, DATA
from host.runners.emulator import EmulatorRunner
from target import files
from target.command_line import make_parser, print_result, start_log
from target.errors import DataError, exit_code_of
from target.manifest import NAME, Manifest, load_manifest
from target.runners.base import TensorSpec
from target.text.labels import STATIC_LABELS, STATIC_LETTERS, label_of, letter_of, masked_argmax
from target.vision.preprocess import Preprocessor, input_table

BATCH = 256
_log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = make_parser("python -m host evaluate", __doc__)
    parser.add_argument("model", type=Path, help="model folder")
    parser.add_argument("--data", type=Path, default=DATA, help="data set or folder of photos")
    parser.add_argument("--no-float", action="store_true", help="int8 only; needs no TensorFlow")
    parser.add_argument("--engine", default="auto", help=f"auto or one of {', '.join(ENGINES)}")
    parser.add_argument("--save", action="store_true", help="write metrics.json and the manifest")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder for parsed data")
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    if args.save and args.no_float:
        raise DataError("--save keeps both accuracies, got --no-float; leave one of them out")
    manifest = load_manifest(args.model)
    samples = load_test_samples(args.data, args.cache, manifest.input_size, manifest.max_trim)
    result = evaluate_model(manifest, samples, not args.no_float, args.engine)
    if args.save:
        save_metrics(manifest, result)
    parts = [f"{manifest.name}: {result['n']} images of {Path(samples.source).name}"]
    for kind in ("float", "int8"):
        if result[f"{kind}_correct"] is not None:
            share = result[f"{kind}_correct"] / result["n"]
            parts.append(f"{kind} {result[f'{kind}_correct']} right ({share:.2%})")
    print_result(result, args.json, ", ".join(parts))
    return 0


def evaluate_model(
    manifest: Manifest, samples: Samples, with_float: bool = True, engine: str = "auto"
) -> dict[str, Any]:
    """Count right answers.

    Args:
        manifest: Of the model.
        samples: Gray images; brought to the network's size by the manifest's crop rule.
        with_float: Also run the float model in Keras.
        engine: Of the emulator.

    Returns:
        n, float_correct (None without float), int8_correct, per_letter, letters, confusion,
        dataset.
    """
    runner = EmulatorRunner(manifest, engine)
    gray = _gray(manifest, runner.input, samples.images)
    answers = {"int8": _int8_answers(manifest, runner, gray)}
    if with_float:
        answers["float"] = _float_answers(manifest, runner.input, gray)
    labels = samples.labels.astype(np.int64)
    right = {kind: given == labels for kind, given in answers.items()}
    per_letter = {}
    for label in STATIC_LABELS:
        rows = labels == label
        per_letter[letter_of(label)] = {
            "n": int(rows.sum()),
            "float_correct": int(right["float"][rows].sum()) if with_float else None,
            "int8_correct": int(right["int8"][rows].sum()),
        }
    hashes = {
        role: manifest.content["files"].get(role, {}).get("sha256") for role in ("xmodel", "float")
    }
    return {
        "model_sha256": hashes,
        "dataset": Path(samples.source).name,
        "n": len(samples),
        "float_correct": int(right["float"].sum()) if with_float else None,
        "int8_correct": int(right["int8"].sum()),
        "per_letter": per_letter,
        "letters": STATIC_LETTERS,
        "confusion": _confusion(labels, answers["int8"]),
    }


def _labels_of(scores: np.ndarray, manifest: Manifest) -> np.ndarray:
    best = masked_argmax(scores, manifest.classes)
    of_output = np.array([-1 if c is None else label_of(c) for c in manifest.classes])
    return np.asarray(of_output[best])


def _int8_answers(manifest: Manifest, runner: EmulatorRunner, gray: np.ndarray) -> np.ndarray:
    table = input_table(manifest.input_scale, runner.input)
    codes = [
        runner.infer_batch(table[gray[start : start + BATCH]][..., None])
        for start in range(0, len(gray), BATCH)
    ]
    return _labels_of(np.concatenate(codes), manifest)


def _float_answers(manifest: Manifest, spec: TensorSpec, gray: np.ndarray) -> np.ndarray:
    manifest.verify("float")
    model = load_keras_model(manifest.file("float"))
    table = input_table(manifest.input_scale, dataclasses.replace(spec, dtype="float32"))
    scores = model.predict(table[gray][..., None], batch_size=BATCH, verbose=0)
    return _labels_of(np.asarray(scores), manifest)


def _gray(manifest: Manifest, spec: TensorSpec, images: np.ndarray) -> np.ndarray:
    if images.shape[1:] == (manifest.input_size, manifest.input_size):
        return images
    preprocess = Preprocessor(manifest, spec)
    return np.stack([preprocess.gray(image) for image in images])


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
