"""The first tensor in which two networks differ, and by how much.

    python -m host diff a.xmodel b.xmodel --images images.npz
    python -m host diff models/signnet/signnet.xmodel models/signnet/float.keras --images images.npz

Each is an .xmodel, compiled or not, or a Keras model (.keras, .h5), which is brought into the form that the
quantizer works on: batch norms folded, channels equalized, the DPU's own functions. Both run on the same
images (array x as for quantize). Tensors are matched by name, without what the tools add to names (quant_,
_fix, _download_0). Codes are compared as they are; against real values a difference of more than half a code
counts. Exits 0 whether they differ or not; --fail makes a difference an error.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from host.data.npz import load_images
from host.dpu.compare import Difference, compare, named_values
from host.dpu.emulator import Emulator
from host.dpu.ops.table import INPUT_TYPES
from host.dpu.partial import runnable_part
from host.graph.from_keras import from_keras
from host.graph.graph import Graph, Op
from host.graph.keras_file import load_keras_model
from host.quantizer.config import QuantConfig
from host.quantizer.quantize import optimize
from host.xmodel.reader import read_xmodel
from target.command_line import count, make_parser, print_result, start_log
from target.errors import DataError, ModelError, exit_code_of
from target.vision.fixed_point import quantize

_KERAS = (".keras", ".h5", ".hdf5")


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = make_parser("python -m host diff", __doc__)
    parser.add_argument("a", type=Path, help=".xmodel, .keras or .h5 file")
    parser.add_argument("b", type=Path, help="the one to compare it with")
    parser.add_argument("--images", type=Path, required=True, help=".npz file with an array x")
    parser.add_argument("--count", type=count, default=32, help="images, the first of them")
    parser.add_argument(
        "--no-equalize", action="store_true", help="Keras model without cross-layer equalization"
    )
    parser.add_argument("--fail", action="store_true", help="exit with 1 if a tensor differs")
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    images = load_images(args.images)[: args.count]
    networks = ((_load(path, not args.no_equalize), path) for path in (args.a, args.b))
    found = compare(*(_values(graph, images, path) for graph, path in networks))
    if not found:
        raise ModelError(
            f"networks must have tensors of the same names and sizes, got none in {args.a} and {args.b}"
        )
    first = next((difference for difference in found if difference.count), None)
    result: dict[str, Any] = {
        "images": len(images),
        "compared": len(found),
        "first": first.as_dict() if first else None,
        "tensors": [difference.as_dict() for difference in found],
    }
    print_result(result, args.json, describe(found, first))
    return int(args.fail and first is not None)


def _load(path: Path, equalize: bool) -> Graph:
    if path.suffix not in _KERAS:
        return read_xmodel(path)
    return optimize(from_keras(load_keras_model(path)), QuantConfig(equalize=equalize))


def _values(graph: Graph, images: np.ndarray, path: Path) -> dict[str, tuple[Op, np.ndarray]]:
    sources = graph.of_type(*INPUT_TYPES)
    if not sources or sources[0].tensor.dims[1:] != images.shape[1:]:
        expected = [list(op.tensor.dims[1:]) for op in sources]
        raise DataError(
            f"images must fit the input {expected} of {path}, got {list(images.shape[1:])}"
        )
    source = sources[0]
    inputs = images
    if source.type == "data-fix":
        inputs = quantize(images, source.tensor.fix_point)
    part, _ = runnable_part(graph, {source.name})
    return named_values(part, Emulator(part).run({source.name: inputs}))


def describe(found: list[Difference], first: Difference | None) -> str:
    """Return the comparison as text for a person."""
    lines = [f"{'tensor':44} {'compared as':11} {'differ':>16} {'largest':>10} {'SNR dB':>7}"]
    for difference in found:
        share = f"{difference.count:,}/{difference.values:,}"
        snr = "equal" if difference.snr_db is None else f"{difference.snr_db:.1f}"
        lines.append(
            f"{difference.tensor[-44:]:44} {difference.kind:11} {share:>16}"
            f" {difference.largest:>10.4g} {snr:>7}"
        )
    if first is None:
        return "\n".join([*lines, f"no difference in {len(found)} tensors"])
    place = ", ".join(map(str, first.first or ()))
    return "\n".join(
        [*lines, f"first difference: {first.tensor} at [{place}], at most {first.largest:.4g}"]
    )
