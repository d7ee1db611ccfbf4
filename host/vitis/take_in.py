"""Takes in what AMD's quantizer left in a job: the int8 graph, and how it compares with ours."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from host.dpu.emulator import Emulator
from host.graph.graph import Graph
from host.quantizer.config import QuantConfig
from host.quantizer.quantize import Quantized
from host.vitis.config import VitisConfig
from host.vitis.golden import GoldenCheck, check_dump
from host.vitis.h5_file import read_quantized
from host.vitis.int8_graph import Comparison, build_int8_graph
from host.vitis.job import (
    CHECKED_IMAGES,
    QuantizeOptions,
    read_arrays,
    read_job,
    read_report,
)
from target import files
from target.errors import ModelError

H5 = "quantized/quantized.h5"
TOOLCHAIN = "vitis"
TOLERANCE = 1e-5  # of outputs in float32
_SHOWN = 8
_log = logging.getLogger(__name__)


class Taken(NamedTuple):
    """What was taken in from a job.

    Attributes:
        quantized: The int8 graph with AMD's positions and weights.
        config: What the builtin quantizer was run with beside it.
        comparison: With the builtin quantizer's.
        golden: AMD's dumped codes against the emulator's.
        outputs_different: How many of the first evaluation images the emulator answers otherwise.
        evaluation: Arrays x, perhaps y.
        facts: For quantize.json.
    """

    quantized: Quantized
    config: QuantConfig
    comparison: Comparison
    golden: GoldenCheck
    outputs_different: int
    evaluation: dict[str, np.ndarray]
    facts: dict[str, Any]


def take_in(job: Path, graph: Graph, float_sha256: str, config: VitisConfig) -> Taken:
    """Take in the results of a quantized job.

    Args:
        job: The job folder.
        graph: The portable float graph.
        float_sha256: Of the file it was read from.
        config: Which tools.

    Raises:
        ModelError: If the job is not quantized, is of another network, or its results make no sense.
    """
    settings = read_job(job)
    if settings["source"].get("float_sha256") != float_sha256:
        raise ModelError(
            f"job must be of the float model (sha256 {float_sha256[:16]}...), got one of"
            f" {str(settings['source'].get('float_sha256'))[:16]}... in {job}; run make quantize"
            " TOOLCHAIN=vitis"
        )
    report = read_report(job, "quantize", ("versions", "evaluation", "qat", "seconds"))
    options = QuantizeOptions(**settings["quantize"])
    found = read_quantized(job / H5)
    calibration = read_arrays(job / "calibration.npz")["x"]
    evaluation = read_arrays(job / "evaluation.npz")
    quant = QuantConfig(
        len(calibration), options.batch_size, options.equalize, options.relu6_to_relu, True
    )
    quantized, comparison = build_int8_graph(graph, calibration, quant, found)
    golden = check_dump(job / "dump_results", quantized.graph, evaluation["x"][:1])
    theirs = read_arrays(job / "quantized" / "outputs.npz")["quantized"][:CHECKED_IMAGES]
    ours = _outputs(quantized.graph, evaluation["x"][: len(theirs)])
    different = int((np.abs(ours - theirs).max(axis=1) > TOLERANCE).sum())
    facts = {
        "toolchain": {
            "name": TOOLCHAIN,
            "release": settings["compile"]["release"],
            "where": str(config.python) if config.python else config.full_image,
            "versions": report["versions"],
        },
        **settings["source"],
        "quantized_sha256": files.sha256_of(job / H5),
        "options": settings["quantize"],
        "evaluation": report["evaluation"],
        "qat": report["qat"],
        "seconds": report["seconds"],
        "comparison": comparison.describe(),
        "golden": {**golden._asdict(), "outputs": len(theirs), "outputs_different": different},
    }
    return Taken(quantized, quant, comparison, golden, different, evaluation, facts)


def describe(taken: Taken) -> list[str]:
    """Return lines for a person."""
    found = taken.facts["evaluation"]
    lines = [
        f"AMD's quantizer: agrees with float on {found['agreement']:.2%} of {found['n']} images"
    ]
    if found["accuracy"]:
        right = found["accuracy"]
        lines[0] += f", accuracy {right['float']:.2%} float, {right['quantized']:.2%} int8"
    compared = taken.comparison
    if not compared.different and not compared.weights_different:
        lines.append(
            f"  {compared.positions} positions and {compared.weights} int8 weights are the builtin"
            " quantizer's"
        )
    else:
        lines.append(
            f"  {len(compared.different)} of {compared.positions} positions and"
            f" {compared.weights_different} of {compared.weights} int8 weights differ from the builtin"
            " quantizer's"
        )
    lines += [
        f"    {entry.layer} {entry.role}: {entry.vitis}, builtin {entry.builtin}"
        for entry in compared.different[:_SHOWN]
    ]
    if len(compared.different) > _SHOWN:
        lines.append(f"    and {len(compared.different) - _SHOWN} more (--json has them)")
    golden = taken.golden
    if golden.different or taken.outputs_different:
        where = ", ".join(golden.where[:_SHOWN]) or "none"
        _log.warning(
            "the emulator differs from AMD's golden results in %d of %d codes (%s) and in the outputs for"
            " %d images; report the network",
            *(golden.different, golden.codes, where, taken.outputs_different),
        )
    else:
        lines.append(
            f"  {golden.codes} codes of {golden.tensors} dumped tensors are those of the emulator"
        )
    return lines


def _outputs(graph: Graph, images: np.ndarray) -> np.ndarray:
    emulator = Emulator(graph)
    values = emulator.run({emulator.inputs[0].name: images})
    return np.asarray(values[graph.outputs()[0].tensor.name])
