"""A quantized graph as AMD's tool would tell it: positions and int8 weights, by layer, in Keras layouts."""

from __future__ import annotations

from typing import Any

import numpy as np

from host.graph.graph import Graph, Op
from host.quantizer.annotate import FLOAT, LAYER, ROLE
from target.vision.fixed_point import quantize


def positions_of(graph: Graph) -> dict[str, dict[str, int] | None]:
    """Return the positions of every layer, by role: kernel, bias, output, input.

    `{}` is a layer without positions of its own, None one that stays float and is not quantized
    behind.
    """
    table: dict[str, dict[str, int] | None] = {}
    for op in graph:
        if op.type != "fix" and op.data is None:
            table[op.name] = None if FLOAT in op.attrs else {}
    for op in graph.of_type("fix"):
        entry = table[op.attrs[LAYER]] or {}
        entry[op.attrs[ROLE]] = int(op.attrs["fix_point"])
        table[op.attrs[LAYER]] = entry
    return table


def int8_weights_of(graph: Graph) -> dict[str, np.ndarray]:
    """Return int8 weights and biases by `layer/kernel` and `layer/bias`, in Keras layouts."""
    weights = {}
    for op in graph.of_type("fix"):
        source = graph.input(op)
        if source.data is None:
            continue
        codes = quantize(source.data, int(op.attrs["fix_point"]), str(op.attrs["round_mode"]))
        owner = graph.op(op.attrs[LAYER])
        weights[f"{owner.name}/{op.attrs[ROLE]}"] = to_keras_layout(codes, owner)
    return weights


def to_keras_layout(weights: np.ndarray, owner: Op) -> np.ndarray:
    """Bring weights from XIR's layout into Keras's.

    HWIO, depthwise HWC1, transposed HWOI, dense (in, out); the slopes of a PReLU as they are.
    """
    if owner.type == "prelu":
        return weights
    if owner.type == "transposed-conv2d" and weights.ndim == 4:
        return np.ascontiguousarray(weights.transpose(1, 2, 0, 3)[::-1, ::-1])
    if weights.ndim == 4:
        return np.ascontiguousarray(weights.transpose(1, 2, 3, 0))
    return np.ascontiguousarray(weights.T) if weights.ndim == 2 else weights


def output_codes_of(graph: Graph, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the int8 codes of every quantized activation from values of a run.

    Args:
        graph: Quantized.
        values: Of a run, by tensor name.

    Returns:
        By layer name, or `layer/input` where the input is what is quantized.
    """
    codes: dict[str, Any] = {}
    for op in graph.of_type("fix"):
        if graph.input(op).data is not None:
            continue
        key = op.attrs[LAYER] if op.attrs[ROLE] == "output" else f"{op.attrs[LAYER]}/input"
        codes[key] = quantize(values[op.tensor.name], int(op.attrs["fix_point"]))
    return codes
