"""The golden vectors of a model: inputs and the codes a DPU must give for them, bit for bit."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np

from target.errors import ModelError
from target.manifest import Manifest
from target.runners.base import Runner


@dataclasses.dataclass(frozen=True)
class Golden:
    """Golden vectors of a model; n is their number.

    Attributes:
        inputs: int8 (n, size, size, 1).
        outputs: int8 (n, outputs).
    """

    inputs: np.ndarray
    outputs: np.ndarray

    def __len__(self) -> int:
        return len(self.inputs)


class Compared(NamedTuple):
    """What a runner gave for golden vectors.

    Attributes:
        vectors: How many were run.
        wrong: In how many of them at least one code was another one.
        first: Index of the first of these; -1 if there is none.
    """

    vectors: int
    wrong: int
    first: int


def load_golden(manifest: Manifest) -> Golden:
    """Read a model's golden vectors; the file's sha256 is checked.

    Raises:
        ModelError: If the manifest names none, or the file is not what it must be.
    """
    manifest.verify("golden")
    path = manifest.file("golden")
    try:
        with np.load(path, allow_pickle=False) as stored:
            inputs, outputs = np.asarray(stored["input"]), np.asarray(stored["output"])
    except MemoryError:
        raise
    except Exception as error:  # zipfile, zlib, struct and numpy each have errors of their own
        raise ModelError(
            f"golden vectors must be an .npz with input and output, got '{error}' in {path};"
            " run make compile"
        ) from error
    size, count = manifest.input_size, len(manifest.classes)
    for name, array, dims in (("input", inputs, (size, size, 1)), ("output", outputs, (count,))):
        if array.dtype != np.int8 or array.shape[1:] != dims or not len(array):
            raise ModelError(
                f"golden {name} must be int8 (n, {', '.join(map(str, dims))}) and not empty,"
                f" got {array.dtype} {array.shape} in {path}; run make compile"
            )
    if len(inputs) != len(outputs):
        raise ModelError(
            f"golden vectors must have one output per input, got {len(outputs)} and {len(inputs)}"
            f" in {path}; run make compile"
        )
    return Golden(inputs, outputs)


def compare_golden(runner: Runner, golden: Golden) -> Compared:
    """Run golden vectors through a runner whose promise is the DPU's codes."""
    wrong = [
        index
        for index, codes in enumerate(golden.inputs)
        if not np.array_equal(
            runner.infer(np.ascontiguousarray(codes[None])).reshape(-1), golden.outputs[index]
        )
    ]
    return Compared(len(golden), len(wrong), wrong[0] if wrong else -1)
