"""The emulator as a Runner: what the DPU computes, bit for bit, at this computer's speed."""

from __future__ import annotations

import numpy as np

from host.dpu.emulator import Emulator
from host.graph.graph import Graph, Op
from host.xmodel.reader import read_xmodel
from target.errors import ModelError
from target.manifest import Manifest
from target.runners.base import TensorSpec, check_tensor


class EmulatorRunner:
    """Executes the model up to its last int8 codes: the DPU's part, and CPU steps between DPU parts.

    Args:
        manifest: Of the model; the file's sha256 is checked.

    Raises:
        ModelError: If the file is not the manifest's, or has not one input and one output.
    """

    name = "emulator"
    kind = "emulated"
    device = "this computer emulating the DPU (engine: numpy)"
    threads = 1
    gives_probabilities = False

    def __init__(self, manifest: Manifest) -> None:
        manifest.verify("xmodel")
        graph = read_xmodel(manifest.xmodel)
        source, self._last = dpu_doors(graph)
        self._source = source.name
        self._emulator = Emulator(graph, self._last.name)
        self.input, self.output = _spec(source), _spec(self._last)

    def infer(self, tensor: np.ndarray) -> np.ndarray:
        """Run the network on int8 codes (1, h, w, c); returns int8 codes (1, outputs)."""
        check_tensor(tensor, self.input)
        return self.infer_batch(tensor)

    def infer_batch(self, tensor: np.ndarray) -> np.ndarray:
        """Run the network on many images at once: int8 (n, h, w, c) to int8 (n, outputs)."""
        values = self._emulator.run({self._source: tensor}, keep=(self._last.name,))
        return values[self._last.tensor.name]

    def close(self) -> None:
        """Nothing is held open."""


def dpu_doors(graph: Graph) -> tuple[Op, Op]:
    """Return the op that takes the network's codes and the last op that makes codes.

    Raises:
        ModelError: If the graph has not one input and one output, or no DPU subgraph.
    """
    if not graph.subgraphs("DPU"):
        raise ModelError(f"model must have a DPU subgraph, got none in '{graph.name}'")
    sources, outputs = graph.of_type("data-fix"), graph.outputs()
    if len(sources) != 1 or len(outputs) != 1:
        raise ModelError(
            f"model must have one input and one output, got {len(sources)} and {len(outputs)}"
            f" in '{graph.name}'"
        )
    last = outputs[0]
    while last.tensor.dtype.startswith("float"):
        last = graph.input(last)
    return sources[0], last


def _spec(op: Op) -> TensorSpec:
    return TensorSpec(op.tensor.name, op.tensor.dims, "int8", 2.0**-op.tensor.fix_point)
