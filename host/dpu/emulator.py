"""Executes a Graph: every op in order, each by its function in host/dpu/ops.

On a compiled graph this is what the DPU computes, bit for bit, and then what the CPU adds. The same
loop runs float and quantized graphs, for calibration and comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from host.dpu.ops.call import Call
from host.dpu.ops.table import CONST_TYPES, INPUT_TYPES, OPS
from host.graph.graph import Graph, Op
from target.errors import ModelError

OpTable = Mapping[str, Callable[[Call], np.ndarray]]


class Emulator:
    """A graph made ready to run; constants are prepared at the first run and kept.

    Args:
        graph: Compiled, quantized or float.
        stop_after: Name of an op; only what it needs is run. None for the whole graph.
        ops: The functions of the ops by type; the quantizer puts its own `fix` here.

    Raises:
        ModelError: If an op is unknown, or there is none of the name `stop_after`.
    """

    def __init__(self, graph: Graph, stop_after: str | None = None, ops: OpTable = OPS) -> None:
        self._graph = graph
        self._table = ops
        self._ops = _needed(graph, stop_after)
        self._caches: dict[str, dict[str, Any]] = {}
        self._last_use = _last_uses(self._ops)
        for op in self._ops:
            if op.type not in ops and op.type not in INPUT_TYPES + CONST_TYPES:
                raise ModelError(
                    f"op '{op.name}' must be of a known type, got '{op.type}'; known: {sorted(ops)}"
                )

    @property
    def inputs(self) -> list[Op]:
        """The ops that take the network's inputs."""
        return [op for op in self._ops if op.type in INPUT_TYPES]

    def run(
        self,
        inputs: Mapping[str, np.ndarray],
        keep: tuple[str, ...] | None = None,
    ) -> dict[str, np.ndarray]:
        """Run the graph on a batch.

        Args:
            inputs: By op or tensor name, (n, ...): int8 for data-fix, float32 for data.
            keep: Names of the ops whose tensors are wanted; None for all.

        Returns:
            Values by tensor name, in the order of execution, (n, ...).

        Raises:
            ModelError: If an input is missing or of another shape, or the graph is inconsistent.
        """
        values: dict[str, np.ndarray] = {}
        kept: dict[str, np.ndarray] = {}
        for place, op in enumerate(self._ops):
            value = self._value(op, inputs, values)
            values[op.name] = value
            if op.type not in CONST_TYPES and (keep is None or op.name in keep):
                kept[op.tensor.name] = value
            for name in self._last_use.get(place, ()):
                del values[name]
        return kept

    def _value(
        self, op: Op, inputs: Mapping[str, np.ndarray], values: dict[str, np.ndarray]
    ) -> np.ndarray:
        if op.type in INPUT_TYPES:
            return _input(op, inputs)
        if op.type in CONST_TYPES:
            if op.data is None:
                raise ModelError(f"constant '{op.name}' must have data, got none")
            return op.data
        call = Call(
            op,
            {arg: [self._graph.op(n).tensor for n in names] for arg, names in op.args.items()},
            {arg: [values[n] for n in names] for arg, names in op.args.items()},
            self._caches.setdefault(op.name, {}),
        )
        return self._table[op.type](call)


def _needed(graph: Graph, stop_after: str | None) -> list[Op]:
    if stop_after is None:
        return list(graph)
    wanted = {graph.op(stop_after).name}
    chosen = []
    for op in reversed(list(graph)):
        if op.name in wanted:
            chosen.append(op)
            wanted.update(op.input_names)
    return chosen[::-1]


def _last_uses(ops: list[Op]) -> dict[int, list[str]]:
    """Return, by place, the ops whose values nobody needs afterwards."""
    last = {op.name: place for place, op in enumerate(ops)}
    for place, op in enumerate(ops):
        for name in op.input_names:
            last[name] = place
    uses: dict[int, list[str]] = {}
    for name, place in last.items():
        uses.setdefault(place, []).append(name)
    return uses


def _input(op: Op, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    value = inputs.get(op.name, inputs.get(op.tensor.name))
    if value is None:
        raise ModelError(f"input '{op.name}' must be given, got {sorted(inputs)}")
    dtype = np.dtype(np.int8 if op.type == "data-fix" else np.float32)
    if value.dtype != dtype or value.shape[1:] != op.tensor.dims[1:]:
        expected = ["n", *op.tensor.dims[1:]]
        raise ModelError(
            f"input '{op.name}' must be {dtype} {expected}, got {value.dtype} {list(value.shape)}"
        )
    return value
