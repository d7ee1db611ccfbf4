"""Checks what AMD's compiler left: one DPU subgraph, the board's fingerprint, the answers as quantized."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from host.compiler.check import Verdict
from host.compiler.compile import compile_graph
from host.dpu.arch import ARCHS, DpuArch
from host.dpu.emulator import Emulator
from host.graph.graph import Graph, Op
from host.xmodel.reader import read_xmodel
from target.errors import ModelError

ROWS = 8  # inputs on which both graphs must agree
_SHOWN = 6


def read_compiled(path: Path, arch: DpuArch, release: str) -> Graph:
    """Read a compiled model and check that a board of a release runs it whole.

    Args:
        path: The .xmodel file.
        arch: The board's DPU.
        release: Its name, for the message.

    Raises:
        ModelError: If it has not one DPU subgraph, or is for another DPU.
    """
    graph = read_xmodel(path)
    parts = graph.subgraphs("DPU")
    if len(parts) != 1:
        on_cpu = [op.name for part in graph.subgraphs("CPU") for op in _ops(graph, part.all_ops())]
        raise ModelError(
            f"compiled model must have one DPU subgraph, got {len(parts)} in {path}; on the CPU are"
            f" {', '.join(on_cpu[:_SHOWN]) or 'no ops'}; python -m host compile --toolchain builtin says why"
            " of each op"
        )
    got = int(parts[0].attrs.get("dpu_fingerprint", 0))
    if got != arch.fingerprint:
        raise ModelError(
            f"compiled model must be for fingerprint {arch.fingerprint:#x} ({_releases(arch.fingerprint)}),"
            f" got {got:#x} ({_releases(got)}) in {path}; use the container of Vitis AI {release}, --release"
            " of your board's image, or --arch with the arch.json of a DPU of your own"
        )
    return graph


def verdicts_of(graph: Graph) -> list[Verdict]:
    """Return where AMD's compiler has put each op but constants."""
    found = []
    for op in graph:
        if op.type not in ("const", "const-fix"):
            device = str(op.attrs.get("device", "")).upper()
            reason = "" if device == "DPU" else f"AMD's compiler has put {op.type} there"
            found.append(Verdict(op.name, device, reason))
    return found


def check_answers(compiled: Graph, int8_model: Path, doors: tuple[Op, Op], seed: int) -> None:
    """Check that a compiled model gives the codes of the quantized one it was made from.

    Args:
        compiled: Read from AMD's file.
        int8_model: NAME_int.xmodel.
        doors: The op that takes the codes of the compiled model, and the last one that makes some.
        seed: Of the inputs.

    Raises:
        ModelError: If not.
    """
    builtin = compile_graph(read_xmodel(int8_model)).graph
    source = builtin.of_type("data-fix")[0]
    last = builtin.outputs()[0]
    while last.tensor.dtype.startswith("float"):
        last = builtin.input(last)
    pairs = ((doors[0], source, "input"), (doors[1], last, "output"))
    for theirs, ours, what in pairs:
        got = theirs.tensor.dims, theirs.tensor.fix_point
        wanted = ours.tensor.dims, ours.tensor.fix_point
        if got != wanted:
            raise ModelError(
                f"{what} of the compiled model must be {wanted[0]} at fix point {wanted[1]} as quantized,"
                f" got {got[0]} at {got[1]}; run make quantize compile TOOLCHAIN=vitis"
            )
    shape = (ROWS, *source.tensor.dims[1:])
    codes = np.random.default_rng(seed).integers(-128, 128, size=shape, dtype=np.int8)
    answers = [
        Emulator(graph, end.name).run({start.name: codes}, keep=(end.name,))[end.tensor.name]
        for graph, start, end in ((compiled, *doors), (builtin, source, last))
    ]
    different = int((answers[0] != answers[1]).sum())
    if different:
        raise ModelError(
            f"compiled model must give the codes of {int8_model.name}, got {different} of"
            f" {answers[0].size} others; run make quantize compile TOOLCHAIN=vitis, and report the network"
            " if it stays so"
        )


def _ops(graph: Graph, names: list[str]) -> list[Op]:
    return [graph.op(name) for name in names if graph.op(name).data is None]


def _releases(fingerprint: int) -> str:
    for arch in ARCHS:
        if arch.fingerprint == fingerprint:
            return f"Vitis AI {'/'.join(arch.releases)}"
    return "of no image of AMD for the ZCU104"
