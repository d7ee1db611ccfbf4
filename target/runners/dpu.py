"""The DPU through VART: the only file that imports vart.

VART takes the pointer of an array and trusts it: a wrong dtype, a strided or a short array is read
as raw memory or aborts the process. So arrays are int8, C-contiguous, writable and of exactly the
tensor's dims, allocated once; one runner a thread. The library is loaded only after the file was
checked.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any, Optional, Tuple

import numpy as np

from target.errors import BackendError, ModelError
from target.manifest import Manifest
from target.runners.base import Staged, TensorSpec, check_tensor
from target.runners.checks import check_specs
from target.runners.xir_file import open_dpu_subgraph, tensor_facts

MODES = ("run", "ref")  # VART aborts on one that the file does not name


def load_vart() -> Any:
    """Import vart.

    Raises:
        BackendError: If it is not installed for this interpreter.
    """
    try:
        return importlib.import_module("vart")
    except ImportError as error:
        raise BackendError(
            f"vart must be installed for {sys.executable}, got '{error}'; on the board use the system's"
            " python3, without a board run python -m host simulate"
        ) from error


class DpuRunner(Staged):
    """A VART runner on the model's DPU subgraph.

    Args:
        manifest: Of the model.
        mode: VART's: `run` for the DPU, `ref` for AMD's CPU implementation of it.
        trusted: Whether the manifest vouches for the file; else it is first loaded in a child
            process.

    Raises:
        BackendError: If vart or xir is missing, the mode is another one, or the file holds no DPU
            instructions in mode `run`.
        ModelError: If the file is not the manifest's, or its tensors are not.
    """

    name = "dpu"
    threads: Optional[int] = 1
    gives_probabilities = False
    promise = "codes"

    def __init__(self, manifest: Manifest, mode: str = "run") -> None:
        if mode not in MODES:
            raise BackendError(f"VART's mode must be one of {', '.join(MODES)}, got '{mode}'")
        manifest.verify("xmodel")
        vart = load_vart()
        self._opened = open_dpu_subgraph(manifest.xmodel)
        if mode == "run" and not self._opened.has_instructions:
            raise BackendError(
                f"model must hold DPU instructions to run on a DPU, got toolchain '{manifest.toolchain}'"
                f" in {manifest.xmodel}; compile it with AMD's vai_c_tensorflow2, run it on the emulator"
                " (python -m host simulate), or on AMD's CPU runner with --vart-mode ref"
            )
        self.kind = "measured" if mode == "run" else "emulated"
        self.device = "DPUCZDX8G through VART" if mode == "run" else "AMD's CPU runner through VART"
        self._runner = vart.Runner.create_runner(self._opened.subgraph, mode)
        self.input, self.output = self._specs(manifest)
        self._in = np.zeros(self.input.shape, dtype=np.int8)
        self._out = np.zeros(self.output.shape, dtype=np.int8)

    def _specs(self, manifest: Manifest) -> Tuple[TensorSpec, TensorSpec]:
        inputs, outputs = self._runner.get_input_tensors(), self._runner.get_output_tensors()
        if len(inputs) != 1 or len(outputs) != 1:
            raise ModelError(
                f"model must have one input and one output, got {len(inputs)} and {len(outputs)}"
                f" in {manifest.xmodel}"
            )
        facts = [tensor_facts(inputs[0]), tensor_facts(outputs[0])]
        source, last = (TensorSpec(f.name, f.dims, "int8", 2.0**-f.fix_point) for f in facts)
        check_specs(manifest, source, last)
        return source, last

    def put(self, tensor: np.ndarray) -> None:
        """Copy int8 codes of the input's dims into the buffer that VART reads."""
        check_tensor(tensor, self.input)
        np.copyto(self._in, tensor)

    def execute(self) -> None:
        """Run the DPU."""
        job = self._runner.execute_async([self._in], [self._out])
        self._runner.wait(job)

    def take(self) -> np.ndarray:
        """Return int8 codes of the output's dims, in the buffer that VART wrote."""
        return self._out

    def submit(self, tensor: np.ndarray) -> Tuple[Any, np.ndarray]:
        """Start a job with buffers of its own; `collect` waits for it."""
        check_tensor(tensor, self.input)
        codes, out = tensor.copy(), np.zeros(self.output.shape, dtype=np.int8)
        # The buffers live in the ticket: VART keeps only their pointers.
        return (self._runner.execute_async([codes], [out]), codes), out

    def collect(self, ticket: Tuple[Any, np.ndarray]) -> np.ndarray:
        """Wait for a submitted job; returns int8 codes of the output's dims."""
        (job, _), out = ticket
        self._runner.wait(job)
        return out

    def close(self) -> None:
        """Free the VART runner."""
        self._runner = None
