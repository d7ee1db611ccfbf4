"""What is in an .xmodel: subgraphs with device, ops with shapes and fix points, weights and work.

    python -m host inspect models/signnet/signnet.xmodel
    python -m host inspect model.xmodel --svg model.svg

Says which DPU and which Vitis AI release a file was compiled for, whether it holds instructions for a real
board, why an op runs on the CPU, and which ops follow a rule that no reference output confirms.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from host.dpu.describe import describe_graph
from host.dpu.drawing import draw_svg
from host.xmodel.reader import read_xmodel
from target import files
from target.command_line import make_parser, print_result, start_log
from target.errors import exit_code_of


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = make_parser("python -m host inspect", __doc__)
    parser.add_argument("model", type=Path, help=".xmodel file, compiled or not")
    parser.add_argument("--svg", type=Path, help="also draw the graph into this file")
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    described = describe_graph(read_xmodel(args.model))
    if args.svg:
        files.write_text(args.svg, draw_svg(described))
    print_result(described, args.json, describe(described))
    return 0


def describe(described: dict[str, Any]) -> str:
    """Return the description as text for a person."""
    kind = "compiled" if described["compiled"] else "not compiled"
    lines = [
        f"{described['name']}: {kind}, toolchain {described['toolchain']},"
        f" {described['weights']:,} weights, {described['macs']:,} multiply-adds an image",
        "",
    ]
    for subgraph in described["subgraphs"]:
        lines.append(_subgraph_line(subgraph))
    lines += ["", f"{'op':40} {'type':22} {'device':6} {'shape':18} {'fix':>4} {'MACs':>12}  note"]
    lines += [_op_line(op) for op in described["ops"]]
    return "\n".join(lines)


def _subgraph_line(subgraph: dict[str, Any]) -> str:
    line = f"{subgraph['device']:4} {subgraph['name']}: {subgraph['ops']} ops"
    if subgraph["device"] != "DPU":
        return line
    releases = "/".join(subgraph["releases"]) or "unknown"
    code = "with" if subgraph["has_instructions"] else "without"
    return (
        f"{line}, {subgraph['target']} {subgraph['fingerprint']} (Vitis AI {releases}),"
        f" {code} instructions for a board"
    )


def _op_line(op: dict[str, Any]) -> str:
    notes = []
    if op["nonlinear"] not in (None, "NONE"):
        notes.append(op["nonlinear"])
    if op["why_cpu"]:
        notes.append(op["why_cpu"])
    if op["assumed"]:
        notes.append(f"assumed: {op['assumed']}")
    if not op["emulated"]:
        notes.append("not emulated")
    name = op["name"] if len(op["name"]) <= 40 else "..." + op["name"][-37:]
    shape = "x".join(map(str, op["dims"]))
    fix = "" if op["fix_point"] is None else op["fix_point"]
    macs = f"{op['macs']:,}" if op["macs"] else ""
    line = f"{name:40} {op['type']:22} {op['device']:6} {shape:18} {fix:>4} {macs:>12}  {', '.join(notes)}"
    return line.rstrip()
