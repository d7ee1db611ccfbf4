"""Golden vectors: inputs and the codes the DPU must give, for a bit-for-bit check on the board."""

from __future__ import annotations

import numpy as np

from host.dpu.emulator import Emulator
from host.graph.graph import Graph, Op

RANDOM_ROWS = 16


def golden_vectors(
    graph: Graph, doors: tuple[Op, Op], real_codes: np.ndarray, seed: int
) -> dict[str, np.ndarray]:
    """Run the emulator on random and real inputs.

    Args:
        graph: Compiled.
        doors: Its data-fix op and the last op that makes codes.
        real_codes: int8 (n, h, w, c) of real images; may be empty.
        seed: Of the random rows, which cover the full range -128..127.

    Returns:
        input int8 (n, h, w, c), output int8 (n, outputs), real bool (n,).
    """
    source, last = doors
    generator = np.random.default_rng(seed)
    shape = (RANDOM_ROWS, *source.tensor.dims[1:])
    random = generator.integers(-128, 128, size=shape, dtype=np.int8)
    codes = np.concatenate([random, real_codes]) if len(real_codes) else random
    output = Emulator(graph, last.name).run({source.name: codes}, keep=(last.name,))
    real = np.arange(len(codes)) >= RANDOM_ROWS
    return {"input": codes, "output": output[last.tensor.name], "real": real}
