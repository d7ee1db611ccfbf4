"""Quantize a float model to int8 with power-of-two scales, as AMD's vai_q_tensorflow2 does.

    python -m host quantize build/models/signnet --data data/archive.zip
    python -m host quantize FLOAT.keras --images IMAGES.npz --out DIR

Calibrates on images of an .npz file (array x, (n, h, w, c); uint8 is divided by 255,
after the treatment of gray levels that train.json names) or on random
training images of the data set. Writes NAME_int.xmodel, positions.json, weights_int8.npz, quantize.json and
a report on the layers (layers.json, .md, .png), with --outputs-for also outputs_int8.npz. The report looks at
images that were not calibrated on, if there are any; an array y of the .npz file gives their classes.
--toolchain vitis has AMD's own quantizer do it and says where it differs from ours; DIR/vitis is the job that
it was given.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import logging
import time
from pathlib import Path
from typing import Any

import numpy as np

from host.commands.vitis_options import add_vitis_options, check_builtin, only_check
from host.data.calibration import CalibrationImages, images_of_file, images_of_samples
from host.data.load import load_training_samples
from host.data.npz import load_images
from host.data.trained import read_treatment
from host.dpu.emulator import Emulator
from host.graph.from_keras import from_keras
from host.graph.graph import Graph
from host.graph.keras_file import load_keras_model
from host.paths import CACHE, DATA
from host.quantizer.config import QuantConfig
from host.quantizer.export import int8_weights_of, output_codes_of, positions_of
from host.quantizer.finetune import FinetuneConfig, Finetuned, fast_finetune
from host.quantizer.layers import analyse_layers, cost_of, costliest
from host.quantizer.quantize import Quantized, quantize_graph
from host.report.layers_plot import plot_layers
from host.report.layers_table import layers_table
from host.xmodel.writer import write_xmodel
from target import files
from target.command_line import count, make_parser, print_result, seed, start_log
from target.errors import exit_code_of
from target.manifest import check_name
from target.vision.treatment import Treatment

_log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = make_parser("python -m host quantize", __doc__)
    parser.add_argument("model", type=Path, help=".keras or .h5 file, or folder with float.keras")
    parser.add_argument("--images", type=Path, help=".npz file to calibrate on")
    parser.add_argument("--data", type=Path, default=DATA, help="data set, if no --images")
    parser.add_argument("--count", type=count, default=QuantConfig.count, help="calibration images")
    parser.add_argument("--batch-size", type=count, default=QuantConfig.batch_size, help="per vote")
    parser.add_argument("--out", type=Path, help="folder; that of the model if not given")
    parser.add_argument("--name", help="of the result; the model's if not given")
    parser.add_argument("--no-equalize", action="store_true", help="no cross-layer equalization")
    parser.add_argument(
        "--relu6-to-relu",
        action="store_true",
        help="turn ReLU layers of max_value 6 into plain ones",
    )
    parser.add_argument("--match-vai-q", action="store_true", help="repeat the tool's defects too")
    parser.add_argument(
        "--fast-finetune",
        action="store_true",
        help="move weights towards the float outputs (AdaQuant)",
    )
    parser.add_argument(
        "--finetune-epochs", type=count, default=FinetuneConfig.epochs, help="at most, a layer"
    )
    parser.add_argument("--no-report", action="store_true", help="no report on the layers")
    parser.add_argument("--outputs-for", type=Path, help=".npz file to run through the result")
    parser.add_argument("--seed", type=seed, default=1, help="of the choice of training images")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder for parsed data")
    group = add_vitis_options(parser)
    group.add_argument(
        "--qat-epochs",
        type=count,
        help="quantization-aware training; on the photos of --data (none)",
    )
    group.add_argument("--qat-learning-rate", type=float, help="of that training (1e-4)")
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    if args.toolchain == "vitis" and args.only == "check":
        return only_check(args)
    path = args.model / "float.keras" if args.model.is_dir() else args.model
    name = args.name or (args.model.resolve().name if args.model.is_dir() else path.stem)
    check_name(name)
    out = args.out or path.parent
    config = QuantConfig(
        args.count, args.batch_size, not args.no_equalize, args.relu6_to_relu, args.match_vai_q
    )
    graph = from_keras(load_keras_model(path))
    if args.toolchain == "vitis":
        from host.commands.vitis_quantize import run_vitis  # it imports this module

        return run_vitis(args, graph, path, out, name)
    check_builtin(args, "qat_epochs", "qat_learning_rate")
    given = images_for(args, graph)
    fits = given.calibration.shape[1:] == graph.of_type("data")[0].tensor.dims[1:]
    if fits and len(given.calibration) >= config.count:  # else there is nothing to write
        files.check_writable(out / f"{name}_int.xmodel")
    finetune = None
    if args.fast_finetune:
        finetune = FinetuneConfig(args.finetune_epochs, args.batch_size)
    facts = {"images": given.source, "float_sha256": files.sha256_of(path)}
    result = run_quantization(graph, given.calibration, config, out, name, facts, finetune)
    if args.outputs_for:
        write_outputs(graph, result.graph, load_images(args.outputs_for, treatment_for(args)), out)
    summary: dict[str, Any] = {
        "out": str(out),
        "seconds": round(result.seconds, 3),
        "positions": len(result.before),
        "changed_by_adjustment": result.changed,
    }
    lines = []
    if finetune:
        summary["fast_finetune"] = _finetuned(result, given)
        lines.append(_describe_finetuned(summary["fast_finetune"], given.apart))
    for stale in (out / f"layers.{kind}" for kind in ("json", "md", "png")):
        stale.unlink(missing_ok=True)  # of a network that was here before
    if not args.no_report:
        lines.append(report_layers(result, given, out))
        summary["report"] = [str(out / f"layers.{kind}") for kind in ("json", "md", "png")]
    lines.append(
        f"{out}/{name}_int.xmodel: {len(result.before)} positions, {result.changed} changed by the"
        f" adjustments, quantized in {result.seconds:.2f} s"
    )
    print_result(summary, args.json, "\n".join(lines))
    return 0


def images_for(args: argparse.Namespace, graph: Graph) -> CalibrationImages:
    """Return the images that the command line names."""
    treatment = treatment_for(args)
    if args.images:
        return images_of_file(args.images, args.count, treatment)
    samples = load_training_samples(args.data, args.cache)
    outputs = graph.outputs()[0].tensor.dims[-1]
    return images_of_samples(samples, args.count, args.seed, outputs, treatment)


def treatment_for(args: argparse.Namespace) -> Treatment:
    """Return the treatment of gray levels that the network was trained with."""
    return read_treatment(args.model if args.model.is_dir() else args.model.parent)


def report_layers(result: QuantizationResult, given: CalibrationImages, out: Path) -> str:
    """Write layers.json, layers.md and layers.png; returns the table."""
    _log.info("looking at each layer")
    analysis = analyse_layers(result.graph, given.held_out, given.classes, result.exact)
    table = layers_table(analysis, costliest(analysis))
    files.write_json(out / "layers.json", analysis)
    files.write_text(out / "layers.md", table)
    plot_layers(analysis, out / "layers.png")
    return table


def _finetuned(result: QuantizationResult, given: CalibrationImages) -> dict[str, Any]:
    exact = result.exact
    assert exact is not None
    scores = {
        when: cost_of(network, given.held_out, given.classes, exact)
        for when, network in (("before", exact), ("after", result.graph))
    }
    layers = [dataclasses.asdict(layer) for layer in result.finetuned]
    return {"images": len(given.held_out), **scores, "layers": layers}


def _describe_finetuned(found: dict[str, Any], apart: bool) -> str:
    parts = []
    for when in ("before", "after"):
        score = found[when]
        measure = "agreement with float" if score["accuracy"] is None else "accuracy"
        value = score["agreement"] if score["accuracy"] is None else score["accuracy"]
        snr = score["output_snr_db"]
        noise = "exact" if snr is None else f"{snr:.1f} dB"
        share = "" if value is None else f"{measure} {value:.2%}, "
        parts.append(f"{when} {share}output {noise}")
    which = "other images" if apart else "images, the same that it was finetuned on"
    return f"fast finetuning, {found['images']} {which}: " + "; ".join(parts)


@dataclasses.dataclass(frozen=True)
class QuantizationResult:
    """A quantized graph, how long it took, and what finetuning did.

    Attributes:
        quantized: The graph and its positions.
        seconds: Of the quantization, finetuning not included.
        exact: The graph before finetuning; None if there was none.
        finetuned: What became of each layer.
    """

    quantized: Quantized
    seconds: float
    exact: Graph | None = None
    finetuned: tuple[Finetuned, ...] = ()

    @property
    def graph(self) -> Graph:
        """The quantized graph."""
        return self.quantized.graph

    @property
    def before(self) -> dict[str, int]:
        """Positions before the adjustments."""
        return self.quantized.before

    @property
    def changed(self) -> int:
        """Number of positions that the adjustments changed."""
        return self.quantized.changed


def run_quantization(
    graph: Graph,
    images: np.ndarray,
    config: QuantConfig,
    out: Path,
    name: str,
    facts: dict[str, Any],
    finetune: FinetuneConfig | None = None,
) -> QuantizationResult:
    """Quantize, and write everything that describes the result, all of it or nothing.

    Args:
        graph: The float graph.
        images: float32 (n, h, w, c) to calibrate on.
        config: Options.
        out: Folder of the result.
        name: Of the result.
        facts: More for quantize.json: where the images come from, which float model it was.
        finetune: Options of fast finetuning; None for none.
    """
    started = time.perf_counter()
    quantized = quantize_graph(graph, images, config)
    seconds = time.perf_counter() - started
    quantized.graph.name = name
    exact, finetuned = None, []
    if finetune:
        exact = quantized.graph.copy()
        finetuned = fast_finetune(quantized.graph, images[: config.count], finetune)
    described = {
        "fast_finetune": dataclasses.asdict(finetune) if finetune else None,
        **facts,
        "seconds": round(seconds, 3),
    }
    write_quantization(quantized, config, out, name, described)
    return QuantizationResult(quantized, seconds, exact, tuple(finetuned))


def write_quantization(
    quantized: Quantized, config: QuantConfig, out: Path, name: str, facts: dict[str, Any]
) -> None:
    """Write a quantized network and everything that describes it, all of it or nothing.

    Args:
        quantized: The network; its graph is named as it is to be.
        config: What it was made with.
        out: Folder.
        name: Of the result.
        facts: More for quantize.json.
    """
    described = {
        "name": name,
        "config": dataclasses.asdict(config),
        **facts,
        "changed_by_adjustment": quantized.changed,
    }
    model = out / f"{name}_int.xmodel"
    with contextlib.ExitStack() as stack:
        # Left in reverse: the model gets its name last, when all else is in place.
        write_xmodel(quantized.graph, stack.enter_context(files.replacing(model)))
        weights = stack.enter_context(files.replacing(out / "weights_int8.npz"))
        np.savez_compressed(weights, allow_pickle=False, **int8_weights_of(quantized.graph))
        for file_name, content in (
            ("positions.json", positions_of(quantized.graph)),
            ("quantize.json", described),
        ):
            place = stack.enter_context(files.replacing(out / file_name))
            place.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def write_outputs(float_graph: Graph, quantized: Graph, images: np.ndarray, out: Path) -> None:
    """Write every quantized tensor's codes, and both models' outputs, for some images."""
    values = _run_graph(quantized, images)
    arrays = output_codes_of(quantized, values)
    arrays["final_float"] = values[quantized.outputs()[0].tensor.name]
    last = float_graph.outputs()[0].tensor.name
    arrays["float_model"] = _run_graph(float_graph, images)[last]
    with files.replacing(out / "outputs_int8.npz") as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **arrays)


def _run_graph(graph: Graph, images: np.ndarray) -> dict[str, np.ndarray]:
    emulator = Emulator(graph)
    return emulator.run({emulator.inputs[0].name: images})
