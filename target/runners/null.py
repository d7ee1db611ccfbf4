"""A runner that does nothing: what a benchmark measures with it is the benchmark's own overhead."""

from __future__ import annotations

from typing import Optional

import numpy as np

from target.manifest import Manifest
from target.runners.base import Staged, TensorSpec, check_tensor


class NullRunner(Staged):
    """Takes the model's input, gives zeros.

    Args:
        manifest: Of the model; only its sizes are used.
    """

    name = "null"
    device = "nothing: the benchmark's own overhead"
    kind = "measured"
    threads: Optional[int] = 1
    gives_probabilities = False
    promise = "nothing"

    def __init__(self, manifest: Manifest) -> None:
        size = manifest.input_size
        self.input = TensorSpec("in", (1, size, size, 1), "int8", 2.0**-manifest.input_fix_point)
        shape = (1, len(manifest.classes))
        self.output = TensorSpec("out", shape, "int8", 2.0**-manifest.output_fix_point)
        self._codes = np.zeros(shape, np.int8)

    def put(self, tensor: np.ndarray) -> None:
        """Check a tensor as every runner does."""
        check_tensor(tensor, self.input)

    def execute(self) -> None:
        """Do nothing."""

    def take(self) -> np.ndarray:
        """Return zeros, int8 (1, outputs)."""
        return self._codes

    def close(self) -> None:
        """Nothing is held open."""
