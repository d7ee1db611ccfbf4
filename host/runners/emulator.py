"""The emulator as a Runner: what the DPU computes, bit for bit, at this computer's speed."""

from __future__ import annotations

import numpy as np

from host.dpu.engines.base import Engine, make_engine
from host.graph.graph import Graph, Op
from host.xmodel.reader import read_xmodel
from target.errors import BackendError, ModelError
from target.manifest import Manifest
from target.runners.base import TensorSpec, check_tensor

CHECKED_ROWS = 4


class EmulatorRunner:
    """Executes the model up to its last int8 codes: the DPU's part, and CPU steps between DPU parts.

    Args:
        manifest: Of the model; the file's sha256 is checked.
        engine: A name of host.dpu.engines.base, or `auto` for the fastest that can do the model.
        threads: Of the engine, where it has any.

    Raises:
        ModelError: If the file is not the manifest's, or has not one input and one output.
        BackendError: If the engine does not give the model's golden codes on this computer.
    """

    name = "emulator"
    kind = "emulated"
    gives_probabilities = False

    def __init__(self, manifest: Manifest, engine: str = "auto", threads: int = 1) -> None:
        manifest.verify("xmodel")
        graph = read_xmodel(manifest.xmodel)
        doors = dpu_doors(graph)
        self._engine = make_engine(engine, graph, doors, threads)
        self.device = f"this computer emulating the DPU (engine: {self._engine.name})"
        self.threads = threads
        self.input, self.output = _spec(doors[0]), _spec(doors[1])
        _check_golden(self._engine, manifest)

    def infer(self, tensor: np.ndarray) -> np.ndarray:
        """Run the network on int8 codes (1, h, w, c); returns int8 codes (1, outputs)."""
        check_tensor(tensor, self.input)
        return self._engine.run(tensor)

    def infer_batch(self, tensor: np.ndarray) -> np.ndarray:
        """Run the network on many images at once: int8 (n, h, w, c) to int8 (n, outputs)."""
        return self._engine.run(tensor)

    def close(self) -> None:
        """Nothing is held open."""


def _check_golden(engine: Engine, manifest: Manifest) -> None:
    """Run the first golden vectors: an engine's kernels differ from processor to processor."""
    if "golden" not in manifest.content["files"]:
        return
    manifest.verify("golden")
    with np.load(manifest.file("golden"), allow_pickle=False) as golden:
        codes, expected = golden["input"][:CHECKED_ROWS], golden["output"][:CHECKED_ROWS]
    if not np.array_equal(engine.run(codes), expected):
        raise BackendError(
            f"engine '{engine.name}' must give the golden codes of {manifest.name}, got others on this"
            " computer; use --engine reference"
        )


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
