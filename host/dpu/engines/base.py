"""What an engine is, and how one is chosen."""

from __future__ import annotations

import importlib
import logging
from typing import Protocol

import numpy as np

from host.graph.graph import Graph, Op
from target.errors import ModelError

# Fastest first; `auto` takes the first that can do the graph. Measured batch 1, one thread, against
# LiteRT float of the same network: onnxruntime 0.5 to 0.8 times its latency, reference 4 to 5 times.
ENGINES = {
    "onnxruntime": "host.dpu.engines.ort",
    "reference": "host.dpu.engines.reference",
}
_log = logging.getLogger(__name__)


class Unsupported(ModelError):
    """The engine cannot execute this graph exactly; another one can."""


class Engine(Protocol):
    """Executes a graph from its input codes to one op's codes.

    Attributes:
        name: A key of ENGINES.
    """

    name: str

    def run(self, codes: np.ndarray) -> np.ndarray:
        """Return the last op's int8 codes (n, ...) of int8 input codes (n, h, w, c)."""
        ...

    def run_all(self, codes: np.ndarray) -> dict[str, np.ndarray]:
        """Return the int8 codes of every tensor that the engine makes, by tensor name."""
        ...


def make_engine(name: str, graph: Graph, doors: tuple[Op, Op], threads: int = 1) -> Engine:
    """Make an engine.

    Args:
        name: A key of ENGINES, or `auto`.
        graph: Compiled.
        doors: The op that takes the codes and the op whose codes are wanted.
        threads: Of the engine, where it has any.

    Raises:
        ModelError: If the name is unknown.
        Unsupported: If the named engine cannot do the graph exactly.
    """
    if name != "auto" and name not in ENGINES:
        raise ModelError(f"engine must be one of {['auto', *ENGINES]}, got '{name}'")
    for candidate in ENGINES if name == "auto" else (name,):
        try:
            made: Engine = importlib.import_module(ENGINES[candidate]).make(graph, doors, threads)
            return made
        except Unsupported as error:
            if name != "auto":
                raise
            _log.info("engine %s: %s", candidate, error)
    raise Unsupported(f"graph '{graph.name}' must be executable by an engine, got none that can")
