"""Writes files laid out as AMD's quantizer stores its models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from host.graph.graph import Graph
from host.quantizer.annotate import LAYER, ROLE
from host.quantizer.export import to_keras_layout

Variables = dict[str, dict[str, Any]]


def write_h5(path: Path, layers: Variables, chunk: int = 0) -> None:
    """Write variables by layer and name, as Keras 2 does.

    Args:
        path: Of the file.
        layers: By the layer's name in the file.
        chunk: Layers a list of names; 0 for one list.
    """
    with h5py.File(path, "w") as file:
        group = file.create_group("model_weights")
        names = [name.encode() for name in layers]
        if chunk:
            for part in range(0, len(names), chunk):
                group.attrs[f"layer_names{part // chunk}"] = names[part : part + chunk]
        else:
            group.attrs["layer_names"] = names
        for layer, variables in layers.items():
            inner = group.create_group(layer)
            paths = [f"{layer}/{name}:0" for name in variables]
            inner.attrs["weight_names"] = [name.encode() for name in paths]
            for place, value in zip(paths, variables.values()):
                inner.create_dataset(place, data=np.asarray(value, np.float32))


def variables_of(
    positions: dict[str, Any], weights: dict[str, np.ndarray], kinds: dict[str, str]
) -> Variables:
    """Return the variables of a quantized model.

    Args:
        positions: By layer and role.
        weights: float32 in Keras's layouts, by `layer/role`.
        kinds: Op type by layer.
    """
    found: Variables = {}
    for layer, roles in positions.items():
        name = f"quant_{layer}"
        table: dict[str, Any] = {}
        alone = kinds.get(layer) in ("data", "leaky-relu")
        for role, position in (roles or {}).items():
            variable = _variable(role, kinds.get(layer, ""), name if alone else "")
            if f"{layer}/{role}" in weights:
                table[variable] = weights[f"{layer}/{role}"]
            table.update({f"{variable}_min": 0, f"{variable}_max": 0, f"{variable}_pos": position})
        if not alone:
            table["optimizer_step"] = -1
        found[name] = table
    return found


def _variable(role: str, kind: str, alone: str) -> str:
    if role == "kernel":
        return "depthwise_kernel" if kind == "depthwise-conv2d" else "kernel"
    if role == "output":
        return alone or ("post_activation" if kind in ("relu", "conv2d") else "output_0")
    return {"input": "pre_activation"}.get(role, role)


def of_graph(quantized: Graph) -> Variables:
    """Return the variables that AMD's tool would store for a quantized graph."""
    positions: dict[str, Any] = {}
    weights = {}
    for fix in quantized.of_type("fix"):
        layer, role = str(fix.attrs[LAYER]), str(fix.attrs[ROLE])
        positions.setdefault(layer, {})[role] = int(fix.attrs["fix_point"])
        source = quantized.input(fix)
        if source.data is not None:
            owner = quantized.op(layer)
            weights[f"{layer}/{role}"] = to_keras_layout(source.data, owner)
    kinds = {op.name: op.type for op in quantized}
    return variables_of(positions, weights, kinds)
