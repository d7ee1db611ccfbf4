"""AMD's golden results, which dump_model leaves, against what the emulator computes from the same image."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from host.dpu.emulator import Emulator
from host.graph.graph import Graph
from host.quantizer.export import int8_weights_of, output_codes_of
from host.vitis.h5_file import PREFIX

ACTIVATIONS, WEIGHTS = "dump_results_0", "dump_results_weights"
_DUMPED_NAMES = {"kernel": ("kernel", "depthwise_kernel"), "bias": ("bias",), "alpha": ("alpha",)}


class GoldenCheck(NamedTuple):
    """How AMD's dumped codes compare with the emulator's.

    Attributes:
        tensors: Number of dumped tensors that were compared.
        codes: Values in them.
        different: How many values differ.
        where: Tensors in which some do.
    """

    tensors: int
    codes: int
    different: int
    where: list[str]


def check_dump(folder: Path, graph: Graph, image: np.ndarray) -> GoldenCheck:
    """Compare every dumped int8 tensor that the graph has too.

    Not everything is dumped: the tool leaves out the codes before a softmax, and weights of layers whose
    names begin with one of the letters of "quant_".

    Args:
        folder: dump_results of the job.
        graph: The int8 graph.
        image: float32 (1, h, w, c), the dumped one.
    """
    emulator = Emulator(graph)
    values = emulator.run({emulator.inputs[0].name: image})
    expected = {}
    for name, codes in output_codes_of(graph, values).items():
        expected[folder / ACTIVATIONS / _file(PREFIX + name)] = codes
    for key, codes in int8_weights_of(graph).items():
        layer, role = key.rsplit("/", 1)
        for dumped in _DUMPED_NAMES[role]:
            expected[folder / WEIGHTS / _file(f"{PREFIX}{layer}/{dumped}")] = codes
    tensors = compared = different = 0
    where = []
    for path, codes in expected.items():
        if not path.is_file():
            continue
        dumped_codes = np.fromfile(path, np.int8)
        flat = codes.reshape(-1)
        wrong = int((dumped_codes != flat).sum()) if len(dumped_codes) == len(flat) else len(flat)
        tensors, compared, different = tensors + 1, compared + len(flat), different + wrong
        if wrong:
            where.append(path.stem)
    return GoldenCheck(tensors, compared, different, where)


def _file(name: str) -> str:
    return name.replace("/", "_") + ".bin"
