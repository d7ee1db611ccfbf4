"""The float model in ONNX Runtime on the CPU. The only file of target/ that imports onnxruntime."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Optional

import numpy as np

from target.errors import BackendError, ModelError
from target.manifest import Manifest
from target.runners.base import Staged, check_tensor, float_specs
from target.runners.checks import check_sizes


def load_onnxruntime() -> Any:
    """Import ONNX Runtime.

    Raises:
        BackendError: If it is not installed.
    """
    try:
        return importlib.import_module("onnxruntime")
    except ImportError as error:
        raise BackendError(
            f"ONNX Runtime must be installed, got '{error}'; install the package onnxruntime or leave"
            " out runner onnxruntime"
        ) from error


class OnnxRunner(Staged):
    """A float .onnx model, one image at a time.

    Args:
        path: The model: input float32 (1, h, w, 1), output probabilities (1, outputs).
        manifest: Of the model.
        threads: Inside an op.

    Raises:
        BackendError: If ONNX Runtime is missing.
        ModelError: If the file cannot be read, or is of a network of another size.
    """

    name = "onnxruntime"
    device = "CPU, ONNX Runtime"
    kind = "measured"
    gives_probabilities = True
    promise = "letters"

    def __init__(self, path: Path, manifest: Manifest, threads: int = 1) -> None:
        runtime = load_onnxruntime()
        if not path.is_file():
            raise ModelError(f"model must be an .onnx file, got none at {path}; run make export")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self._session = runtime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its exceptions share no base class
            reason = " ".join(str(error).split())[:200]
            raise ModelError(
                f"model must be an .onnx file that ONNX Runtime reads, got '{reason}' in {path}"
            ) from error
        source, last = self._session.get_inputs()[0], self._session.get_outputs()[0]
        check_sizes(path, manifest, source.shape, last.shape)
        self.threads: Optional[int] = threads
        self.input, self.output = float_specs(manifest.input_size, len(manifest.classes))
        self._name = source.name
        self._feed: Any = {}
        self._out = np.zeros(self.output.shape, np.float32)

    def put(self, tensor: np.ndarray) -> None:
        """Take float32 (1, h, w, 1); the session reads it where it is."""
        check_tensor(tensor, self.input)
        self._feed = {self._name: tensor}

    def execute(self) -> None:
        """Run the network."""
        (self._out,) = self._session.run(None, self._feed)

    def take(self) -> np.ndarray:
        """Return probabilities, float32 (1, outputs)."""
        return np.asarray(self._out)

    def close(self) -> None:
        """Free the session."""
        self._session = None
