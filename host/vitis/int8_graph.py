"""AMD's positions and weights -> the int8 graph that the emulator runs; and how it compares with ours.

The builtin quantizer quantizes the same network with the same images. Where AMD's tool quantizes the same
tensors, its positions and weights take the place of ours, so that the graph computes just what AMD's
quantized model computes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from host.graph.graph import Graph, Op
from host.quantizer.annotate import LAYER, ROLE
from host.quantizer.config import QuantConfig
from host.quantizer.export import int8_weights_of, positions_of
from host.quantizer.quantize import Quantized, quantize_graph
from host.vitis.h5_file import QuantizedFile
from target.errors import ModelError

_SHOWN = 5


class Difference(NamedTuple):
    """A position that differs from the builtin quantizer's."""

    layer: str
    role: str
    builtin: int
    vitis: int


class Comparison(NamedTuple):
    """AMD's quantization beside ours.

    Attributes:
        positions: Number of them.
        different: Those that differ.
        weights: Number of int8 weights and biases.
        weights_different: How many of them differ.
    """

    positions: int
    different: list[Difference]
    weights: int
    weights_different: int

    def describe(self) -> dict[str, Any]:
        """Return the comparison for a JSON file."""
        return {**self._asdict(), "different": [entry._asdict() for entry in self.different]}


def build_int8_graph(
    graph: Graph, images: np.ndarray, config: QuantConfig, found: QuantizedFile
) -> tuple[Quantized, Comparison]:
    """Return AMD's quantized network as a graph, and how it compares with the builtin quantizer's.

    Args:
        graph: The portable float graph that AMD's tool was given.
        images: float32 (n, h, w, c), that it was calibrated on.
        config: As it was quantized, `match_vai_q` set.
        found: In quantized.h5.

    Raises:
        ModelError: If AMD's tool has quantized other tensors than the builtin quantizer does.
    """
    builtin = quantize_graph(graph, images, config)
    made = builtin.graph.copy()
    _check_places(made, found)
    before = positions_of(builtin.graph)
    different = []
    for op in made.of_type("fix"):
        layer, role = str(op.attrs[LAYER]), str(op.attrs[ROLE])
        position = found.positions[layer][role]
        old = (before[layer] or {})[role]
        if position != old:
            different.append(Difference(layer, role, old, position))
        op.attrs["fix_point"] = op.tensor.attrs["fix_point"] = position
        source = made.input(op)
        if source.data is not None:
            source.data = _weights(made, op, source, found)
    ours, theirs = int8_weights_of(builtin.graph), int8_weights_of(made)
    changed = sum(int((ours[key] != theirs[key]).sum()) for key in ours)
    comparison = Comparison(
        len(made.of_type("fix")), different, sum(a.size for a in ours.values()), changed
    )
    return builtin._replace(graph=made), comparison


def _check_places(graph: Graph, found: QuantizedFile) -> None:
    ours = {(str(op.attrs[LAYER]), str(op.attrs[ROLE])) for op in graph.of_type("fix")}
    theirs = {(layer, role) for layer, table in found.positions.items() for role in table}
    if ours == theirs:
        return
    lists = [
        ", ".join(f"{layer} {role}" for layer, role in sorted(part)[:_SHOWN]) or "none"
        for part in (theirs - ours, ours - theirs)
    ]
    raise ModelError(
        "AMD's quantizer must quantize the tensors that the builtin one does, got only there:"
        f" {lists[0]}; only here: {lists[1]}; its quantized.h5 is kept, report the network"
    )


def _weights(graph: Graph, fix: Op, source: Op, found: QuantizedFile) -> np.ndarray:
    key = f"{fix.attrs[LAYER]}/{fix.attrs[ROLE]}"
    assert source.data is not None
    if key not in found.weights:
        raise ModelError(f"quantized model must have the weights {key}, got none")
    owner = graph.op(str(fix.attrs[LAYER]))
    values = from_keras_layout(found.weights[key], owner, source.data.shape)
    if values.shape != source.data.shape:
        raise ModelError(
            f"weights {key} of the quantized model must have shape {source.data.shape}, got"
            f" {found.weights[key].shape} in Keras's layout"
        )
    return values


def from_keras_layout(weights: np.ndarray, owner: Op, shape: tuple[int, ...]) -> np.ndarray:
    """Bring weights from Keras's layout into XIR's: the way back from host.quantizer.export."""
    if owner.type == "prelu":
        made = weights
    elif owner.type == "transposed-conv2d" and weights.ndim == 4:
        made = weights[::-1, ::-1].transpose(2, 0, 1, 3)
    elif weights.ndim == 4:
        made = weights.transpose(3, 0, 1, 2)
    else:
        made = weights.T if weights.ndim == 2 else weights
    return np.ascontiguousarray(made, np.float32)
