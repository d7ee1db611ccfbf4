"""The emulator as a Runner: what the DPU computes, bit for bit, at this computer's speed."""

from __future__ import annotations

import logging
import math
import zipfile

import numpy as np

from host.dpu.engines.base import Engine, make_engine
from host.graph.graph import Graph, Op
from host.xmodel.reader import read_xmodel
from target.errors import BackendError, ModelError
from target.manifest import Manifest
from target.runners.base import Staged, TensorSpec, check_tensor
from target.runners.checks import check_specs

CHECKED_ROWS = 4
_log = logging.getLogger(__name__)
_ORDER_KEEPING = ("fix2float", "softmax", "sigmoid", "tanh", "reshape", "flatten", "identity")


class EmulatorRunner(Staged):
    """Executes the model up to its last int8 codes: the DPU's part, and CPU steps between DPU parts.

    Args:
        manifest: Of the model; the file's sha256 is checked.
        engine: A name of host.dpu.engines.base, or `auto` for the fastest that can do the model.
        threads: Of the engine, where it has any.

    Raises:
        ModelError: If the file is not the manifest's, has not one input and one output, or does not
            give its golden codes.
        BackendError: If the engine that was asked for by name does not give the model's golden codes on
            this computer.
    """

    name = "emulator"
    kind = "emulated"
    gives_probabilities = False
    promise = "codes"

    def __init__(self, manifest: Manifest, engine: str = "auto", threads: int = 1) -> None:
        manifest.verify("xmodel")
        graph = read_xmodel(manifest.xmodel)
        doors = dpu_doors(graph)
        self._engine = _checked_engine(engine, graph, doors, (manifest, threads))
        self.device = f"this computer emulating the DPU (engine: {self._engine.name})"
        self.threads = threads if self._engine.name == "onnxruntime" else None
        self.input, self.output = _spec(doors[0]), _spec(doors[1])
        check_specs(manifest, self.input, self.output)
        self._tensor = np.zeros(self.input.shape, np.int8)
        self._codes = np.zeros(self.output.shape, np.int8)

    def put(self, tensor: np.ndarray) -> None:
        """Take int8 codes (1, h, w, c); the engine reads them where they are."""
        check_tensor(tensor, self.input)
        self._tensor = tensor

    def execute(self) -> None:
        """Run the network."""
        self._codes = self._engine.run(self._tensor)

    def take(self) -> np.ndarray:
        """Return int8 codes (1, outputs)."""
        return self._codes

    def infer_batch(self, tensor: np.ndarray) -> np.ndarray:
        """Run the network on many images at once: int8 (n, h, w, c) to int8 (n, outputs)."""
        return self._engine.run(tensor)

    def close(self) -> None:
        """Nothing is held open."""


def _checked_engine(
    name: str, graph: Graph, doors: tuple[Op, Op], facts: tuple[Manifest, int]
) -> Engine:
    """Make an engine that gives the first golden vectors: kernels differ between processors."""
    manifest, threads = facts
    engine = make_engine(name, graph, doors, threads)
    golden = _golden_rows(manifest)
    if golden is None or np.array_equal(engine.run(golden[0]), golden[1]):
        return engine
    reference = make_engine("reference", graph, doors)
    if engine.name == "reference" or not np.array_equal(reference.run(golden[0]), golden[1]):
        raise ModelError(
            f"model must give its golden codes, got others from {manifest.xmodel}; run make compile"
        )
    if name == "auto":
        _log.warning(
            "engine %s gives other codes than %s's golden ones on this computer: the slower %s is used",
            engine.name,
            manifest.name,
            reference.name,
        )
        return reference
    raise BackendError(
        f"engine '{engine.name}' must give the golden codes of {manifest.name}, got others on this"
        " computer; use --engine reference"
    )


def _golden_rows(manifest: Manifest) -> tuple[np.ndarray, np.ndarray] | None:
    if "golden" not in manifest.content["files"]:
        return None
    manifest.verify("golden")
    path = manifest.file("golden")
    size = manifest.input_size
    try:
        with np.load(path, allow_pickle=False) as golden:
            codes, expected = golden["input"][:CHECKED_ROWS], golden["output"][:CHECKED_ROWS]
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"golden vectors must be an .npz with input and output, got '{error}' in {path};"
            " run make compile"
        ) from error
    if codes.dtype != np.int8 or codes.shape[1:] != (size, size, 1) or not len(codes):
        raise ModelError(
            f"golden inputs must be int8 (n, {size}, {size}, 1), got {codes.dtype} {codes.shape}"
            f" in {path}; run make compile"
        )
    return codes, expected


def dpu_doors(graph: Graph) -> tuple[Op, Op]:
    """Return the op that takes the network's codes and the last op that makes codes.

    Raises:
        ModelError: If the graph has not one input and one output, or no DPU subgraph, or if something
            behind the last codes changes which output is highest.
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
        if last.type not in _ORDER_KEEPING:
            raise ModelError(
                f"behind the last int8 codes there must be nothing but {', '.join(_ORDER_KEEPING)}, got"
                f" op '{last.name}' ({last.type}) in '{graph.name}'; the application would leave it out"
            )
        last = graph.input(last)
    if math.prod(last.tensor.dims) != math.prod(outputs[0].tensor.dims):
        raise ModelError(
            f"the last int8 codes must be the network's outputs {outputs[0].tensor.dims}, got"
            f" {last.tensor.dims} of '{last.name}' in '{graph.name}'"
        )
    return sources[0], last


def _spec(op: Op) -> TensorSpec:
    return TensorSpec(op.tensor.name, op.tensor.dims, "int8", 2.0**-op.tensor.fix_point)
