"""The definition: numpy, op by op."""

from __future__ import annotations

import numpy as np

from host.dpu.emulator import Emulator
from host.graph.graph import Graph, Op


class ReferenceEngine:
    """The emulator's own loop.

    Args:
        graph: Compiled.
        doors: The op that takes the codes and the op whose codes are wanted.
    """

    name = "reference"

    def __init__(self, graph: Graph, doors: tuple[Op, Op]) -> None:
        self._source, self._last = doors
        self._emulator = Emulator(graph, self._last.name)

    def run(self, codes: np.ndarray) -> np.ndarray:
        """Return the last op's codes."""
        values = self._emulator.run({self._source.name: codes}, keep=(self._last.name,))
        return values[self._last.tensor.name]

    def run_all(self, codes: np.ndarray) -> dict[str, np.ndarray]:
        """Return the codes of every tensor."""
        return self._emulator.run({self._source.name: codes})


def make(graph: Graph, doors: tuple[Op, Op], threads: int) -> ReferenceEngine:
    """Make the engine; numpy's own threads are left as they are."""
    return ReferenceEngine(graph, doors)
