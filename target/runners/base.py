"""The Runner protocol: one image in, one row of scores out, whatever executes the network."""

from __future__ import annotations

import dataclasses
from typing import Optional, Protocol, Tuple

import numpy as np

from target.errors import BackendError


@dataclasses.dataclass(frozen=True)
class TensorSpec:
    """What a runner takes or gives: real value = (code - zero_point) * scale.

    Attributes:
        name: The tensor's name in the model.
        shape: With batch 1 in front.
        dtype: `int8` or `float32`.
        scale: Real value of one code; 1.0 for float32. The DPU's is 2**-fix_point.
        zero_point: Code of real zero; 0 on the DPU and for float32.
    """

    name: str
    shape: Tuple[int, ...]
    dtype: str
    scale: float = 1.0
    zero_point: int = 0


class Runner(Protocol):
    """Executes the network on one image at a time.

    Attributes:
        name: As on the command line.
        device: What does the work, in words.
        kind: `measured` if times of `infer` are the named device's own, `emulated` if they are
            those of a computer that computes what another device would.
        threads: Threads the runner was told to use; None where the library behind it decides.
        input: What `infer` takes.
        output: What `infer` gives.
        gives_probabilities: True if the output is already a softmax.
        promise: What its answers must be: `codes` the DPU's, bit for bit; `letters` those of the
            float model, nearly always; `nothing`.
    """

    name: str
    device: str
    kind: str
    threads: Optional[int]
    input: TensorSpec
    output: TensorSpec
    gives_probabilities: bool
    promise: str

    def put(self, tensor: np.ndarray) -> None:
        """Copy in: give the next image to what executes the network.

        Args:
            tensor: Of `input`'s shape and dtype, C-contiguous; unchanged until `take`.
        """
        ...

    def execute(self) -> None:
        """Run the network on what was put; returns when it is done."""
        ...

    def take(self) -> np.ndarray:
        """Copy out; of `output`'s shape and dtype, valid until the next `put`."""
        ...

    def infer(self, tensor: np.ndarray) -> np.ndarray:
        """Put, execute, take."""
        ...

    def close(self) -> None:
        """Free what the runner holds; may be called twice."""
        ...


class Staged:
    """Gives a class with put, execute and take its infer."""

    def infer(self: Runner, tensor: np.ndarray) -> np.ndarray:
        """Put, execute, take."""
        self.put(tensor)
        self.execute()
        return self.take()


def float_specs(size: int, outputs: int) -> Tuple[TensorSpec, TensorSpec]:
    """Return input and output of a float model that reads letters.

    Args:
        size: Height and width of its image.
        outputs: Probabilities that it gives.
    """
    return (
        TensorSpec("image", (1, size, size, 1), "float32"),
        TensorSpec("probabilities", (1, outputs), "float32"),
    )


def check_tensor(tensor: np.ndarray, spec: TensorSpec) -> None:
    """Check an input before it reaches a library that aborts on a wrong one.

    Raises:
        BackendError: If shape, dtype or memory layout is another one.
    """
    if tensor.shape != spec.shape or tensor.dtype != np.dtype(spec.dtype):
        raise BackendError(
            f"input '{spec.name}' must be {spec.dtype} {spec.shape},"
            f" got {tensor.dtype} {tensor.shape}"
        )
    if not (tensor.flags.c_contiguous and tensor.flags.writeable):
        raise BackendError(
            f"input '{spec.name}' must be C-contiguous and writable, got neither or one"
        )
