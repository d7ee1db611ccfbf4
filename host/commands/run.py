"""Run a compiled .xmodel on inputs, bit for bit as the DPU does.

    python -m host run model.xmodel inputs.npz outputs.npz

INPUTS holds int8 codes, rows along the first axis: array `input` for the first DPU subgraph's input, or one
array per input tensor name; others are ignored. What an op of an unknown type makes can be given in the same
way: float32 for a CPU op. A network that is not compiled takes float32, or the int8 codes of its input.
OUTPUTS gets every DPU subgraph's output codes and the
final result, by tensor name; with --all-tensors every tensor. At a CPU op that is not known, or an input
that was not given, the run writes what it has and says where it stopped.
"""

from __future__ import annotations

import argparse
import logging
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from host.dpu.emulator import Emulator
from host.dpu.ops.table import INPUT_TYPES, OPS
from host.dpu.partial import runnable_part
from host.graph.graph import Graph, Op
from host.xmodel.reader import read_xmodel
from target import files
from target.command_line import make_parser, print_result, start_log
from target.errors import DataError, ModelError, exit_code_of
from target.vision.fixed_point import dequantize

_ELEMENTS_AT_ONCE = 1 << 24  # of the largest tensor; bounds memory, not the result
_log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = make_parser("python -m host run", __doc__)
    parser.add_argument("model", type=Path, help=".xmodel file")
    parser.add_argument("inputs", type=Path, help=".npz file")
    parser.add_argument("outputs", type=Path, help=".npz file")
    parser.add_argument("--all-tensors", action="store_true", help="write every tensor")
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    if args.outputs.suffix != ".npz":
        raise DataError(f"outputs must be an .npz file, got '{args.outputs.name}'")
    files.check_writable(args.outputs)
    graph = read_xmodel(args.model)
    inputs = _assign(graph, _load(args.inputs), args.inputs)
    part, stopped = runnable_part(graph, set(inputs))
    values = _execute(part, inputs, _wanted(graph, part, args.all_tensors))
    with files.replacing(args.outputs) as temporary:
        _save(temporary, values)
    result: dict[str, Any] = {
        "outputs": str(args.outputs),
        "tensors": {name: list(value.shape) for name, value in values.items()},
        "stopped_at": stopped._asdict() if stopped else None,
    }
    if stopped:
        where = f" in subgraph '{stopped.subgraph}'" if stopped.subgraph else ""
        _log.warning("stopped at op '%s'%s: %s", stopped.op, where, stopped.reason)
    lines = [f"{name}: {value.dtype} {value.shape}" for name, value in values.items()]
    print_result(result, args.json, "\n".join([*lines, f"written to {args.outputs}"]))
    return 0


def _load(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise DataError(f"inputs must be an .npz file, got '{reason}' in {path}") from error


def _save(path: Path, values: dict[str, np.ndarray]) -> None:
    """Write an .npz file; numpy's own function has arguments that a tensor may be named like."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in values.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, value, allow_pickle=False)


def _assign(graph: Graph, arrays: dict[str, np.ndarray], path: Path) -> dict[str, np.ndarray]:
    """Return the arrays that are inputs, by op name; `input` is the first DPU subgraph's."""
    sources = graph.of_type(*INPUT_TYPES)
    if not sources:
        raise ModelError(f"model must have an input, got none in '{graph.name}'")
    takers = [*sources, *(op for op in graph if op.type not in OPS and op.data is None)]
    inputs = {
        op.name: arrays[name]
        for op in takers
        for name in (op.tensor.name, op.name)
        if name in arrays
    }
    first = _first_dpu_input(graph) or sources[0]
    if "input" in arrays and first.name not in inputs:
        inputs[first.name] = arrays["input"]
    inputs = {name: _real(graph, graph.op(name), values) for name, values in inputs.items()}
    if not inputs:
        known = ["input", *(op.tensor.name for op in sources)]
        raise DataError(f"inputs must have an array of {known}, got {sorted(arrays)} in {path}")
    if any(value.ndim == 0 or not len(value) for value in inputs.values()):
        raise DataError(f"inputs must have at least one row, got none in {path}")
    if len({len(value) for value in inputs.values() if value.ndim}) != 1:
        raise DataError(
            "inputs must have the same number of rows, got"
            f" { {name: list(value.shape) for name, value in inputs.items()} } in {path}"
        )
    return inputs


def _real(graph: Graph, op: Op, values: np.ndarray) -> np.ndarray:
    """Return codes given for a float input as the real values that its fix op makes codes of."""
    fixes = [user for user in graph.consumers(op.name) if user.type == "fix"]
    if op.type != "data" or values.dtype != np.int8 or not fixes:
        return values
    fix_point = fixes[0].attrs.get("fix_point")
    if not isinstance(fix_point, int):
        raise ModelError(f"fix_point of op '{fixes[0].name}' must be an integer, got {fix_point}")
    return dequantize(values, fix_point)


def _first_dpu_input(graph: Graph) -> Op | None:
    for subgraph in graph.subgraphs("DPU"):
        for name in subgraph.all_ops():
            for source in graph.inputs(graph.op(name)):
                if source.type in INPUT_TYPES:
                    return source
    return None


def _wanted(graph: Graph, part: Graph, all_tensors: bool) -> tuple[str, ...]:
    """Return the ops whose tensors are written."""
    if all_tensors:
        return tuple(op.name for op in part if op.data is None)
    outputs = [op.name for op in part if op.type == "download"]
    finals = [op.name for op in graph.outputs() if op.name in part]
    return tuple(dict.fromkeys([*outputs, *finals]))


def _execute(
    part: Graph, inputs: dict[str, np.ndarray], wanted: tuple[str, ...]
) -> dict[str, np.ndarray]:
    """Run in pieces of rows, so that memory depends on the model and not on the number of rows."""
    emulator = Emulator(part)
    rows = len(next(iter(inputs.values())))
    largest = max(math.prod(op.tensor.dims) for op in part if op.data is None)
    step = max(1, _ELEMENTS_AT_ONCE // largest)
    pieces = [
        emulator.run({n: v[start : start + step] for n, v in inputs.items()}, keep=wanted)
        for start in range(0, max(rows, 1), step)
    ]
    return {
        name: np.concatenate([piece[name] for piece in pieces]) if value.ndim else value
        for name, value in pieces[0].items()
    }
