"""The float model in OpenCV's dnn on the CPU: a baseline that needs nothing but OpenCV on the board."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import numpy as np

from target.errors import ModelError
from target.manifest import Manifest
from target.opencv import cv2, translated
from target.runners.base import Staged, check_tensor, float_specs
from target.runners.checks import check_sizes


class OpenCvRunner(Staged):
    """A float .onnx model, one image at a time.

    Args:
        path: The model: input float32 (1, h, w, 1), output probabilities (1, outputs).
        manifest: Of the model.
        threads: Of OpenCV; it has one setting for the whole process.

    Raises:
        ModelError: If the file cannot be read, or is of a network of another size.
    """

    name = "opencv-dnn"
    device = "CPU, OpenCV dnn"
    kind = "measured"
    gives_probabilities = True
    promise = "letters"

    def __init__(self, path: Path, manifest: Manifest, threads: int = 1) -> None:
        if not path.is_file():
            raise ModelError(f"model must be an .onnx file, got none at {path}; run make export")
        with translated(f"model must be an .onnx file that OpenCV reads in {path}", ModelError):
            self._net = cv2.dnn.readNetFromONNX(str(path))
        cv2.setNumThreads(threads)
        self.threads: Optional[int] = threads
        self.input, self.output = float_specs(manifest.input_size, len(manifest.classes))
        self._out = np.zeros(self.output.shape, np.float32)
        # OpenCV tells the sizes of no file: it runs once, or it does not.
        with translated(f"model must take {self.input.shape} in {path}", ModelError):
            last = self.infer(np.zeros(self.input.shape, np.float32))
        check_sizes(path, manifest, self.input.shape, last.shape)

    def put(self, tensor: np.ndarray) -> None:
        """Copy float32 (1, h, w, 1) into the net."""
        check_tensor(tensor, self.input)
        self._net.setInput(tensor)

    def execute(self) -> None:
        """Run the network."""
        self._out = self._net.forward()

    def take(self) -> np.ndarray:
        """Return probabilities, float32 (1, outputs)."""
        return np.asarray(self._out)

    def close(self) -> None:
        """Free the net."""
        self._net = None
