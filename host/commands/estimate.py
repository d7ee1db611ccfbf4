r"""How long a DPU would take for a network: a prediction with its error, never a measurement.

    python -m host estimate models/signnet --board zcu104
    python -m host estimate any.xmodel --plot roofline.png
    python -m host estimate --keras-application MobileNet --input-size 128x128 \
        --keras-arguments '{"alpha": 0.25}'

Takes a compiled .xmodel (ours or AMD's), a quantized one, a model folder, a .keras or .h5 file, or
the name of a network in keras.applications. Says for each layer what it computes, what it moves and
what bounds it, for one thread and for all cores, and what would make the network faster.
latency_1_thread_ms is what AMD's model zoo publishes: one thread of the C++ library, from decoded
picture to result; python_vart_ms is the call from Python on a prepared tensor.
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path
from typing import Any

from host.compiler.compile import compile_graph
from host.dpu.arch import arch_of_fingerprint
from host.dpu.latency.boards import BOARDS, DEFAULT_RELEASE, RELEASES, find_board, find_release
from host.dpu.latency.describe import describe_prediction, error_sentence
from host.dpu.latency.layers import workload_of
from host.dpu.latency.parameters import load_parameters
from host.dpu.latency.predict import predict
from host.graph.from_keras import from_keras
from host.graph.graph import Graph
from host.graph.keras_file import load_keras_model
from host.quantizer.placeholder import with_placeholders
from host.report.roofline import plot_roofline
from host.xmodel.reader import read_xmodel
from target import files
from target.command_line import make_parser, print_result, start_log
from target.errors import ModelError, exit_code_of
from target.manifest import load_manifest

_log = logging.getLogger(__name__)
_MOST_LAYERS = 40  # in the text; --json has all
_DPU = "B4096"


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = make_parser("python -m host estimate", __doc__)
    parser.add_argument("model", type=Path, nargs="?", help=".xmodel, .keras, .h5 or model folder")
    parser.add_argument("--keras-application", metavar="NAME", help="such as ResNet50")
    parser.add_argument(
        "--input-size", type=_size, metavar="HxW", help="of the application's input"
    )
    parser.add_argument(
        "--keras-arguments", type=_arguments, metavar="JSON", help="of the application"
    )
    parser.add_argument("--board", choices=list(BOARDS), default="zcu104", help="the board")
    parser.add_argument(
        "--release",
        choices=list(RELEASES),
        help="Vitis AI release; that of a compiled file's fingerprint if not given, else "
        + DEFAULT_RELEASE,
    )
    parser.add_argument("--plot", type=Path, help="file for the roofline plot, .png or .svg")
    parser.add_argument("--all", action="store_true", help="print every layer of a long network")
    args = parser.parse_args(argv)
    if (args.model is None) == (args.keras_application is None):
        parser.error("give either a model or --keras-application")
    if args.model is not None and (args.input_size or args.keras_arguments):
        parser.error("--input-size and --keras-arguments go with --keras-application")
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args))


def _size(text: str) -> tuple[int, int]:
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdigit() and int(part) for part in parts):
        raise argparse.ArgumentTypeError(f"must be HEIGHTxWIDTH, got {text}")
    return int(parts[0]), int(parts[1])


def _arguments(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise argparse.ArgumentTypeError(f"must be a JSON object, got {text}")
    return found


def _run(args: argparse.Namespace) -> int:
    if args.plot:
        if args.plot.suffix not in (".png", ".svg"):
            raise ModelError(f"plot must be a .png or .svg file, got {args.plot}")
        files.check_writable(args.plot)
    graph = _graph(args)
    release = find_release(args.release or _release_of(graph))
    name = _dpu_name_of(graph)
    if _DPU not in name:
        _log.warning("compiled for %s; predicted as if for the %s of these boards", name, _DPU)
    parameters, error = load_parameters()
    prediction = predict(workload_of(graph, release), find_board(args.board), release, parameters)
    described = describe_prediction(prediction, error)
    if args.plot:
        plot_roofline(described, prediction.bandwidth_gb_s, args.plot)
    print_result(described, args.json, describe(described, None if args.all else _MOST_LAYERS))
    return 0


def _graph(args: argparse.Namespace) -> Graph:
    """Return the compiled graph of what was asked for."""
    if args.keras_application:
        from host.training.applications import build_application

        arguments = args.keras_arguments or {}
        return compile_keras(build_application(args.keras_application, args.input_size, arguments))
    path = args.model
    if path.is_dir():
        path = load_manifest(path).xmodel
    if path.suffix in (".keras", ".h5", ".hdf5"):
        return compile_keras(load_keras_model(path))
    graph = read_xmodel(path)
    return graph if graph.subgraphs() else compile_graph(graph).graph


def compile_keras(model: Any) -> Graph:
    """Return a Keras model compiled with made-up fix points: no time depends on them."""
    return compile_graph(with_placeholders(from_keras(model))).graph


def _release_of(graph: Graph) -> str:
    """Return the release that a compiled file's fingerprint stands for."""
    parts = graph.subgraphs("DPU")
    fingerprint = parts[0].attrs.get("dpu_fingerprint") if parts else None
    if not isinstance(fingerprint, int):
        return DEFAULT_RELEASE
    try:
        releases = arch_of_fingerprint(fingerprint).releases
    except ModelError:  # another board's DPU: the newest is nearest
        return DEFAULT_RELEASE
    return DEFAULT_RELEASE if DEFAULT_RELEASE in releases else releases[-1]


def _dpu_name_of(graph: Graph) -> str:
    """Return the DPU that a file was compiled for, that of the boards if it does not say."""
    parts = graph.subgraphs("DPU")
    return str(parts[0].attrs.get("dpu_name", _DPU)) if parts else _DPU


def describe(found: dict[str, Any], most: int | None = None) -> str:
    """Return a prediction as text for a person.

    Args:
        found: As host.dpu.latency.describe.describe_prediction returns it.
        most: Layers to show, those that take longest; all if None.
    """
    lines = [
        f"{found['network']} on {found['board']}, Vitis AI {found['release']} (ISA{found['isa']}),"
        f" {found['cores']} cores at {found['clock_mhz']:g} MHz: PREDICTED",
        error_sentence(found["model_error"], found["board"]),
        "",
        f"DPU, one image, one core         {found['dpu_ms']:9.3f} ms",
        f"picture to result, C++ library   {found['latency_1_thread_ms']:9.3f} ms"
        f"   {found['fps_1_thread']:,.0f} frames/s",
        f"prepared tensor, Python (VART)   {found['python_vart_ms']:9.3f} ms",
        f"throughput, all cores                            {found['fps_multi_thread']:,.0f} frames/s",
        f"bound by                         {_shares(found['shares'])}",
        f"work                             {found['macs']:,} multiply-adds,"
        f" {found['weights']:,} weights",
        "",
        f"{'layer':36} {'output':>14} {'compute':>9} {'weights':>9} {'maps':>9} {'overhead':>9}"
        f" {'total us':>9}  {'bound by':8} maps in",
    ]
    shown = sorted(found["layers"], key=lambda layer: -layer["total_ms"])[:most]
    names = {layer["name"] for layer in shown}
    lines += [_layer_line(layer) for layer in found["layers"] if layer["name"] in names]
    left = len(found["layers"]) - len(shown)
    if left:
        rest = sum(layer["total_ms"] for layer in found["layers"] if layer["name"] not in names)
        lines.append(f"{left} shorter layers, {rest * 1000:,.1f} us together (--all shows them)")
    lines.append(
        "total = overhead + the longer of computing and moving + a tenth of the shorter; bound by: in how"
        " much of the time which part is the longest of its layer"
    )
    if found["cpu_ops"]:
        lines += ["", f"on the CPU, not in these numbers: {', '.join(found['cpu_ops'])}"]
    if found["faster"]:
        lines += ["", "what would make it faster:"]
        lines += [_advice_line(item) for item in found["faster"]]
    return "\n".join(lines)


def _shares(shares: dict[str, float]) -> str:
    return ", ".join(f"{name} {share:.0%}" for name, share in shares.items())


def _layer_line(layer: dict[str, Any]) -> str:
    kinds = "+".join(kind.removesuffix("-fix") for kind in layer["types"][1:])
    name = layer["name"] + (f" +{kinds}" if kinds else "")
    name = name if len(name) <= 36 else "..." + name[-33:]
    shape = "x".join(map(str, layer["shape"][1:]))
    parts = [layer[f"{key}_ms"] * 1000 for key in ("compute", "weights", "maps")]
    return (
        f"{name:36} {shape:>14} {parts[0]:9.1f} {parts[1]:9.1f} {parts[2]:9.1f}"
        f" {layer['overhead_ms'] * 1000:9.1f} {layer['total_ms'] * 1000:9.1f}  {layer['bound_by']:8}"
        f" {'chip' if layer['maps'] == 'on-chip' else 'DDR'}"
    )


def _advice_line(item: dict[str, Any]) -> str:
    saves = "" if item["saves_ms"] is None else f" (saves about {item['saves_ms'] * 1000:,.0f} us)"
    return f"  - {item['change']}{saves}"
