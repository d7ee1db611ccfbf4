"""The part of `quantize` that has AMD's quantizer do it: write the job, run it, take in what came out."""

from __future__ import annotations

import argparse
import dataclasses
import shlex
from pathlib import Path
from typing import Any

import numpy as np

from host.commands.quantize import (
    QuantizationResult,
    images_for,
    report_layers,
    treatment_for,
    write_outputs,
    write_quantization,
)
from host.commands.vitis_options import place_of, vitis_config
from host.data.calibration import HELD_OUT, CalibrationImages, network_input
from host.data.load import load_test_samples, load_training_samples
from host.data.npz import load_images
from host.data.samples import Samples
from host.graph.graph import Graph
from host.vitis.job import JobImages, JobSettings, QuantizeOptions, write_job
from host.vitis.network import make_portable
from host.vitis.run import check_tools, run_step
from host.vitis.support import check_supported
from host.vitis.take_in import Taken, describe, take_in
from host.vitis.tf1 import write_tf1_job
from target import files
from target.command_line import print_result
from target.errors import DataError
from target.text.labels import classes_of_outputs, letter_of
from target.vision.treatment import Treatment

JOB = "vitis"  # folder of the job, beside the model


def run_vitis(args: argparse.Namespace, graph: Graph, path: Path, out: Path, name: str) -> int:
    """Quantize with AMD's tool; writes what the builtin quantizer writes.

    Args:
        args: Of the command line.
        graph: Float, from the file.
        path: The file.
        out: Folder of the result.
        name: Of the result.
    """
    config, job = vitis_config(args), out / JOB
    options = quantize_options(args)
    check_supported(options, config)
    portable = make_portable(graph)
    portable.name = name
    sha256 = files.sha256_of(path)
    if args.only is None and config.flow == "tf2":
        check_tools(config)
    if args.only != "collect":
        images, source = job_images(args, portable)
        facts = {"images": source, "float_sha256": sha256}
        settings = JobSettings(options, config, facts)
        if config.flow == "tf1":
            return _write_tf1(args, job, portable, (images, settings))
        write_job(job, portable, images, settings)
    if args.only == "prepare":
        text = f"{job}: written; copy it to where AMD's tools are and run: sh run.sh quantize"
        print_result({"job": str(job)}, args.json, text)
        return 0
    if args.only != "collect":
        run_step(job, "quantize", config)
    taken = take_in(job, portable, sha256, place_of(args, config))
    taken.quantized.graph.name = name
    write_quantization(taken.quantized, taken.config, out, name, taken.facts)
    if args.outputs_for:
        shown = load_images(args.outputs_for, treatment_for(args))
        write_outputs(portable, taken.quantized.graph, shown, out)
    lines = describe(taken)
    summary: dict[str, Any] = {"out": str(out), "job": str(job), **taken.facts}
    for stale in (out / f"layers.{kind}" for kind in ("json", "md", "png")):
        stale.unlink(missing_ok=True)
    if not args.no_report:
        result = QuantizationResult(taken.quantized, taken.facts["seconds"])
        lines.insert(0, report_layers(result, _shown_images(taken), out))
    lines.append(
        f"{out}/{name}_int.xmodel: quantized by AMD's tool in {taken.facts['seconds']:.1f} s"
    )
    print_result(summary, args.json, "\n".join(lines))
    return 0


def _write_tf1(
    args: argparse.Namespace, job: Path, graph: Graph, given: tuple[JobImages, JobSettings]
) -> int:
    commands = write_tf1_job(job, graph, *given)
    lines = [
        f"{job}: frozen.pb, input_fn.py and calibration.npz written; now in AMD's container, in this folder,"
        " after conda activate vitis-ai-tensorflow:",
        f"  {shlex.join(commands.quantize)}",
        f"  {shlex.join(commands.compile)}",
        "(or sh run.sh quantize, sh run.sh compile); then here: python -m host compile"
        f" {job.parent} --toolchain vitis",
    ]
    summary = {"job": str(job), **dataclasses.asdict(commands)}
    print_result(summary, args.json, "\n".join(lines))
    return 0


def job_images(args: argparse.Namespace, graph: Graph) -> tuple[JobImages, str]:
    """Return the images of a job and the name of the file they are from.

    Raises:
        DataError: If there are too few, or none that the network can be trained on.
    """
    given, treatment = images_for(args, graph), treatment_for(args)
    evaluation, classes, training = given.held_out, given.classes, None
    outputs = graph.outputs()[0].tensor.dims[-1]
    if not args.images:
        evaluation, classes = evaluation_images(args.data, args.cache, outputs, treatment)
    if args.qat_epochs:
        if args.images:
            raise DataError("--qat-epochs needs the data set's letters, got --images; give --data")
        samples = load_training_samples(args.data, args.cache)
        training = training_images(samples, outputs, treatment)
    if len(given.calibration) < args.count:
        raise DataError(
            f"calibration images must be at least {args.count}, got {len(given.calibration)};"
            " lower --count"
        )
    images = JobImages(given.calibration[: args.count], evaluation, classes, training)
    return images, given.source


def _shown_images(taken: Taken) -> CalibrationImages:
    x, y = taken.evaluation["x"], taken.evaluation.get("y")
    rows = slice(0, HELD_OUT)
    return CalibrationImages(x[:0], x[rows], None if y is None else y[rows], "", True)


def quantize_options(args: argparse.Namespace) -> QuantizeOptions:
    """Return the options of AMD's quantizer from the command line.

    Raises:
        DataError: If some exclude each other.
    """
    if args.qat_epochs and args.fast_finetune:
        raise DataError("--fast-finetune and --qat-epochs exclude each other, got both")
    default = QuantizeOptions()
    return QuantizeOptions(
        batch_size=args.batch_size,
        equalize=not args.no_equalize,
        relu6_to_relu=args.relu6_to_relu,
        fast_finetune_epochs=args.finetune_epochs if args.fast_finetune else 0,
        qat_epochs=args.qat_epochs or 0,
        qat_learning_rate=args.qat_learning_rate or default.qat_learning_rate,
        seed=args.seed,
    )


def training_images(
    samples: Samples, outputs: int, treatment: Treatment
) -> tuple[np.ndarray, np.ndarray]:
    """Return images float32 (n, h, w, 1) and the outputs that stand for their letters, int64 (n,).

    Raises:
        DataError: If the network's outputs are no letters, or have no output for one.
    """
    places = {letter: i for i, letter in enumerate(classes_of_outputs(outputs)) if letter}
    missing = sorted({letter_of(int(label)) for label in samples.labels} - set(places))
    if missing:
        raise DataError(
            f"network must have an output for each letter of {samples.source}, got none for"
            f" {', '.join(missing)}"
        )
    classes = [places[letter_of(int(label))] for label in samples.labels]
    return network_input(samples.images, treatment), np.array(classes, np.int64)


def evaluation_images(
    data: Path, cache: Path | None, outputs: int, treatment: Treatment
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the images of the data set's test part and their classes, None where outputs are no letters."""
    samples = load_test_samples(data, cache)
    try:
        return training_images(samples, outputs, treatment)
    except DataError:
        return network_input(samples.images, treatment), None
