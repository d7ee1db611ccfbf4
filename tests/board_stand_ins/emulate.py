"""The stand-in board's DPU: reads one .xmodel, describes it, executes its subgraphs until stdin ends.

Started by site/stand_in_device.py in this checkout's environment; speaks pickled built-in types on
stdin and stdout: ("ok", value) or ("error", text).
"""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np

from host.dpu.emulator import Emulator
from host.dpu.engines.base import Engine, Unsupported, make_engine
from host.graph.graph import Graph, Op, Subgraph
from host.xmodel.reader import read_xmodel
from target.errors import AppError


def main(path: Path) -> int:
    """Answer until the parent is gone."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    try:
        graph = Graph("empty") if path.is_file() and not path.stat().st_size else read_xmodel(path)
    except AppError as error:
        _write(answers, ("error", str(error)))
        return 1
    _write(answers, ("ok", describe(graph)))
    parts: dict[str, Part] = {}
    while True:
        try:
            name, inputs = pickle.load(sys.stdin.buffer)
        except EOFError:
            return 0
        if name not in parts:
            parts[name] = Part(graph, next(s for s in graph.subgraphs() if s.name == name))
        _write(answers, ("ok", parts[name].run(inputs)))


def _write(answers: Any, value: Any) -> None:
    pickle.dump(value, answers, protocol=4)
    answers.flush()


def describe(graph: Graph) -> dict[str, Any]:
    """Return what xir tells of a graph, in built-in types."""
    on_cpu = {name for sub in graph.subgraphs() if sub.device != "DPU" for name in sub.all_ops()}
    root = graph.root or Subgraph("root")
    return {
        "name": graph.name,
        "attrs": graph.attrs,
        "ops": [_op(op, op.name in on_cpu) for op in graph],
        "root": _subgraph(root),
    }


def _op(op: Op, on_cpu: bool) -> dict[str, Any]:
    attrs = dict(op.attrs)
    if op.data is not None:
        attrs["data"] = op.data.tobytes() if on_cpu else b""
    tensor = op.tensor
    return {
        "name": op.name,
        "type": op.type,
        "attrs": attrs,
        "args": op.args,
        "tensor": {
            "name": tensor.name,
            "dims": list(tensor.dims),
            "dtype": tensor.dtype,
            "attrs": tensor.attrs,
        },
    }


def _subgraph(subgraph: Subgraph) -> dict[str, Any]:
    return {
        "name": subgraph.name,
        "attrs": subgraph.attrs,
        "ops": subgraph.ops,
        "children": [_subgraph(child) for child in subgraph.children],
    }


class Part:
    """One subgraph made ready to run by itself.

    Args:
        graph: It belongs to.
        subgraph: A child of the root.
    """

    def __init__(self, graph: Graph, subgraph: Subgraph) -> None:
        part = Graph(subgraph.name)
        inside = set(subgraph.all_ops())
        ops = [op for op in graph if op.name in inside]
        for op in ops:
            for name in op.input_names:
                if name not in inside and name not in part:
                    source = graph.op(name)
                    kind = "data" if source.tensor.dtype.startswith("float") else "data-fix"
                    part.add(Op(name, kind, source.tensor))
            part.add(op)
        self._sources = [op for op in part if op.name not in inside]
        self._lasts = part.outputs()
        self._engine: Engine | None = None
        if len(self._sources) == len(self._lasts) == 1:
            try:
                self._engine = make_engine("auto", part, (self._sources[0], self._lasts[0]))
            except Unsupported:
                self._engine = None
        self._emulator = Emulator(part)

    def run(self, inputs: dict[str, bytes]) -> dict[str, bytes]:
        """Return the bytes of the outputs, by tensor name."""
        arrays = {
            op.tensor.name: np.frombuffer(inputs[op.tensor.name], np.int8).reshape(op.tensor.dims)
            for op in self._sources
        }
        if self._engine is not None:
            codes = self._engine.run(arrays[self._sources[0].tensor.name])
            return {self._lasts[0].tensor.name: codes.tobytes()}
        values = self._emulator.run(arrays, keep=tuple(op.name for op in self._lasts))
        return {op.tensor.name: values[op.tensor.name].tobytes() for op in self._lasts}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
