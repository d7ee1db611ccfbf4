"""The first tensor in which two networks differ, and by how much.

    python -m host diff a.xmodel b.xmodel --images images.npz
    python -m host diff models/signnet/signnet.xmodel models/signnet/float.keras --images images.npz

Each is an .xmodel, compiled or not, or a Keras model (.keras, .h5), which is brought into the form that the
quantizer works on: batch norms folded, channels equalized, the DPU's own functions. Both run on the same
images (array x as for quantize). Tensors are matched by name, without what the tools add to names (quant_,
_fix, _download_0). Codes are compared as they are; against real values a difference of more than half a code
counts. Outputs that are named otherwise are compared by place. What could not be compared is listed. Exits 0
whether they differ or not; --fail makes a difference, or an output that was not compared, an error.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from host.data.npz import load_images
from host.dpu.compare import (
    Difference,
    compare,
    find_unmatched,
    named_values,
    pair_outputs,
    plain_name,
)
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
    parser.add_argument(
        "--relu6-to-relu", action="store_true", help="Keras model as quantize does with this option"
    )
    parser.add_argument(
        "--match-vai-q", action="store_true", help="Keras model as quantize does with this option"
    )
    parser.add_argument(
        "--fail", action="store_true", help="exit with 1 if a tensor differs or was not compared"
    )
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    images = load_images(args.images)[: args.count]
    config = QuantConfig(
        equalize=not args.no_equalize,
        relu6_to_relu=args.relu6_to_relu,
        match_vai_q=args.match_vai_q,
    )
    graphs = _load(args.a, config), _load(args.b, config)
    a, stopped = _values(graphs[0], images, args.a)
    b, also = _values(graphs[1], images, args.b)
    for ours, theirs in pair_outputs(*graphs).items():
        if ours in a and theirs in b:
            b.setdefault(ours, b[theirs])
            a.setdefault(theirs, a[ours])
    found = compare(a, b)
    computed = [d for d in found if a[plain_name(d.tensor)][0].type not in INPUT_TYPES]
    if not computed:
        raise ModelError(
            "networks must have computed tensors of the same names and sizes, got none in"
            f" {args.a} and {args.b}"
        )
    missing = [*stopped, *also, *find_unmatched(graphs, (a, b))]
    first = next((difference for difference in found if difference.count), None)
    result: dict[str, Any] = {
        "images": len(images),
        "compared": len(found),
        "first": first.as_dict() if first else None,
        "not_compared": missing,
        "tensors": [difference.as_dict() for difference in found],
    }
    print_result(result, args.json, describe(found, first, missing))
    return int(args.fail and (first is not None or bool(missing)))


def _load(path: Path, config: QuantConfig) -> Graph:
    if path.suffix not in _KERAS:
        return read_xmodel(path)
    return optimize(from_keras(load_keras_model(path)), config)


def _values(
    graph: Graph, images: np.ndarray, path: Path
) -> tuple[dict[str, tuple[Op, np.ndarray]], list[str]]:
    """Return what a network gives, and what was left out because it cannot be executed."""
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
    part, obstacle = runnable_part(graph, {source.name})
    values = named_values(part, Emulator(part).run({source.name: inputs}))
    if obstacle is None:
        return values, []
    return values, [f"{path} stops at op '{obstacle.op}': {obstacle.reason}"]


def describe(
    found: list[Difference], first: Difference | None, missing: list[str] | None = None
) -> str:
    """Return the comparison as text for a person."""
    warnings = [f"not compared: {reason}" for reason in missing or []]
    lines = [f"{'tensor':44} {'compared as':11} {'differ':>16} {'largest':>10} {'SNR dB':>7}"]
    for difference in found:
        share = f"{difference.count:,}/{difference.values:,}"
        snr = "equal" if difference.count == 0 else "none"
        if difference.snr_db is not None:
            snr = f"{difference.snr_db:.1f}"
        lines.append(
            f"{difference.tensor[-44:]:44} {difference.kind:11} {share:>16}"
            f" {_largest(difference):>10} {snr:>7}"
        )
    if first is None:
        return "\n".join([*lines, *warnings, f"no difference in {len(found)} tensors"])
    place = ", ".join(map(str, first.first or ()))
    last = f"first difference: {first.tensor} at [{place}], at most {_largest(first)}"
    return "\n".join([*lines, *warnings, last])


def _largest(difference: Difference) -> str:
    return "no number" if difference.largest is None else f"{difference.largest:.4g}"
