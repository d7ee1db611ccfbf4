"""Golden vectors: inputs and the codes the DPU must give, for a bit-for-bit check on the board."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from host.dpu.emulator import Emulator
from host.graph.graph import Graph, Op
from target import files

RANDOM_ROWS = 16
PATH = Path("golden") / "vectors.npz"


def write_golden(
    graph: Graph, doors: tuple[Op, Op], real_codes: np.ndarray, folder: Path, seed: int
) -> Path:
    """Run the emulator on random and real inputs and store both sides.

    Args:
        graph: Compiled.
        doors: Its data-fix op and its download op.
        real_codes: int8 (n, h, w, c) of real images; may be empty.
        folder: The model's.
        seed: Of the random rows, which cover the full range -128..127.

    Returns:
        Path of the .npz with input int8 (n, h, w, c), output int8 (n, outputs), real bool (n,).
    """
    source, last = doors
    generator = np.random.default_rng(seed)
    shape = (RANDOM_ROWS, *source.tensor.dims[1:])
    random = generator.integers(-128, 128, size=shape, dtype=np.int8)
    codes = np.concatenate([random, real_codes]) if len(real_codes) else random
    emulator = Emulator(graph, last.name)
    output = emulator.run({source.name: codes}, keep=(last.name,))[last.tensor.name]
    path = folder / PATH
    with files.replacing(path) as temporary:
        np.savez_compressed(
            temporary, input=codes, output=output, real=np.arange(len(codes)) >= RANDOM_ROWS
        )
    return path
