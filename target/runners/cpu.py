"""LiteRT on the CPU: the baseline beside the DPU, float or int8, on the board and on a workstation.

The only file that imports LiteRT (ai_edge_litert, or tflite_runtime where that is what there is).
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Optional

import numpy as np

from target.errors import BackendError, ModelError
from target.runners.base import Staged, TensorSpec, check_tensor


def load_interpreter_class() -> Any:
    """Import LiteRT's Interpreter.

    Raises:
        BackendError: If no package has it.
    """
    for module in ("ai_edge_litert.interpreter", "tflite_runtime.interpreter"):
        try:
            return importlib.import_module(module).Interpreter
        except ImportError:
            continue
    raise BackendError(
        "LiteRT must be installed, got neither ai_edge_litert nor tflite_runtime;"
        " install the package ai-edge-litert"
    )


class LiteRtRunner(Staged):
    """A .tflite model on the CPU, one image at a time.

    Args:
        path: The model; one input, one output (probabilities).
        name: `litert-float` or `litert-int8`.
        threads: Of the interpreter.

    Raises:
        BackendError: If LiteRT is missing.
        ModelError: If the file cannot be read.
    """

    kind = "measured"
    device = "CPU, LiteRT"
    gives_probabilities = True
    promise = "letters"

    def __init__(self, path: Path, name: str, threads: int = 1) -> None:
        interpreter_class = load_interpreter_class()
        try:
            self._interpreter = interpreter_class(model_path=str(path), num_threads=threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError, OSError) as error:
            raise ModelError(f"model must be a .tflite file, got '{error}' in {path}") from error
        self.name = name
        self.threads: Optional[int] = threads
        inputs, outputs = (
            self._interpreter.get_input_details(),
            self._interpreter.get_output_details(),
        )
        self._input_index, self._output_index = inputs[0]["index"], outputs[0]["index"]
        self.input, self.output = _spec(inputs[0]), _spec(outputs[0])

    def put(self, tensor: np.ndarray) -> None:
        """Copy a tensor of the input's dtype into the interpreter."""
        check_tensor(tensor, self.input)
        self._interpreter.set_tensor(self._input_index, tensor)

    def execute(self) -> None:
        """Run the network."""
        self._interpreter.invoke()

    def take(self) -> np.ndarray:
        """Return a copy of the output, of the output's dtype."""
        return np.asarray(self._interpreter.get_tensor(self._output_index))

    def close(self) -> None:
        """Free the interpreter."""
        self._interpreter = None


def _spec(details: Any) -> TensorSpec:
    dtype = np.dtype(details["dtype"]).name
    shape = tuple(int(dim) for dim in details["shape"])
    if dtype == "float32":
        return TensorSpec(details["name"], shape, dtype)
    scale, zero_point = details["quantization"]
    return TensorSpec(details["name"], shape, dtype, float(scale), int(zero_point))
