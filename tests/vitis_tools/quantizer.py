"""What the stand-in quantizer has this project's Python do: quantize a tf.keras 2 model in a folder."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from host.dpu.ops.average import average_factor
from host.graph.from_keras import from_keras
from host.graph.graph import Graph, Op
from host.graph.keras_file import load_keras_model
from host.quantizer.annotate import LAYER, ROLE
from host.quantizer.config import QuantConfig
from host.quantizer.quantize import quantize_graph
from host.vitis.network import describe_layers

DENSE_KINDS = ("Conv2D", "Dense", "Conv2DTranspose")


def main(folder: Path) -> None:
    """Read float.h5, images.npy, options.json; write quantized.json and weights.npz."""
    options = json.loads((folder / "options.json").read_text(encoding="utf-8"))
    images = np.load(folder / "images.npy")
    config = QuantConfig(
        len(images),
        options["batch_size"],
        options.get("include_cle", True),
        options.get("convert_relu6_to_relu", False),
        True,
    )
    graph = from_keras(load_keras_model(folder / "float.h5"))
    quantized = quantize_graph(graph, images, config).graph
    positions: dict[str, dict[str, int]] = {}
    for fix in quantized.of_type("fix"):
        table = positions.setdefault(str(fix.attrs[LAYER]), {})
        table[str(fix.attrs[ROLE])] = int(fix.attrs["fix_point"])
    layers = []
    arrays: dict[str, np.ndarray] = {}
    for layer in describe_layers(_without_fixes(quantized)):
        roles = dict(positions.get(layer.name, {}))
        op = quantized.op(layer.name)
        floating = "__float" in op.attrs and "input" not in roles
        keys = [f"{layer.name}/{place}" for place in range(len(layer.weights))]
        shift = 1e-6 if options.get("include_fast_ft") else 0.0  # finetuning moves weights a little
        arrays.update({key: w + np.float32(shift) for key, w in zip(keys, layer.weights)})
        alone = layer.kind == "Input" or floating
        layers.append(
            {
                "name": layer.name,
                "class": layer.kind,
                "options": layer.options,
                "inputs": layer.inputs,
                "weights": keys,
                "wrapped": not alone,
                "roles": {} if alone else _named(roles, layer.kind),
                "factor": _factor(op),
                "requantized": roles.get("output") if alone else None,
            }
        )
    (folder / "quantized.json").write_text(json.dumps(layers), encoding="utf-8")
    np.savez(folder / "weights.npz", allow_pickle=False, **arrays)


def _without_fixes(quantized: Graph) -> Graph:
    bare = quantized.copy()
    for fix in bare.of_type("fix"):
        bare.redirect(fix.name, bare.input(fix).name)
        bare.remove(fix.name)
    return bare


def _named(roles: dict[str, int], kind: str) -> dict[str, int]:
    """Return positions by the names of AMD's variables."""
    names = {
        "kernel": "depthwise_kernel" if kind == "DepthwiseConv2D" else "kernel",
        "bias": "bias",
        "input": "pre_activation",
        "output": "post_activation" if kind in (*DENSE_KINDS, "Activation") else "output_0",
    }
    return {names[role]: position for role, position in roles.items()}


def _factor(op: Op) -> float:
    """Return what the DPU's average differs by from the exact one."""
    if op.type != "avgpool2d":
        return 1.0
    width, height = (int(side) for side in op.attrs["kernel"])
    count, bits = average_factor(height, width)
    return width * height * count / 2.0**bits


def _check(argv: list[str]) -> Any:
    assert len(argv) == 1, argv
    return Path(argv[0])


if __name__ == "__main__":
    main(_check(sys.argv[1:]))
