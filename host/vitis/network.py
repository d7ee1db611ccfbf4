"""Float graph -> a network that any version of tf.keras can rebuild: network.json and network.npz.

A .keras file of Keras 3 does not load in AMD's containers, which have Keras 2. The portable form names for
every layer its class in tf.keras.layers, its options and the layers that feed it; the weights are float32 in
Keras's own layouts. host/vitis/container/network.py is the reader.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from host.graph.from_keras import SEPARABLE, SEQUENTIAL
from host.graph.graph import Graph, Op
from host.graph.layers.activation import ACTIVATIONS
from host.graph.layers.window import same_padding
from host.quantizer.export import to_keras_layout
from target import files
from target.errors import ModelError

FORMAT = 1
NETWORK, WEIGHTS = "network.json", "network.npz"
_SAFE_EPSILON = 1e-3
_LEAST_EPSILON = 1.001e-5  # TensorFlow's fused batch norm silently uses no smaller one
_KERAS2_NAME = re.compile(r"^[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*$")
_DROPOUTS = ("Dropout", "SpatialDropout2D")


class Layer(NamedTuple):
    """One layer of tf.keras.

    Attributes:
        name: Of the layer.
        kind: Its class in tf.keras.layers; `Input` for the input.
        options: Arguments of the class.
        inputs: Names of the layers that feed it.
        weights: float32, as Keras's set_weights takes them.
    """

    name: str
    kind: str
    options: dict[str, Any]
    inputs: list[str]
    weights: list[np.ndarray]


def make_portable(graph: Graph) -> Graph:
    """Return the float graph in the form in which AMD's tool gets it.

    Dropouts are gone, a separable convolution is the two layers it stands for (the tool would lose its
    activation), ReLU6 is a ReLU layer, and a batch norm has an epsilon that TensorFlow respects.

    Args:
        graph: From host.graph.from_keras; it is not changed.

    Raises:
        ModelError: If AMD's tool is known to fail on the network.
    """
    made = graph.copy()
    made.attrs[SEQUENTIAL] = False
    for op in made:
        op.attrs.pop(SEPARABLE, None)
        if op.type == "identity" and op.attrs.get("__keras") in _DROPOUTS:
            made.redirect(op.name, made.input(op).name)
            made.remove(op.name)
        elif op.type == "relu6":
            op.attrs["__keras"] = "ReLU"
        elif op.type == "batchnorm":
            _check_foldable(made, op)
            _raise_epsilon(made, op)
    return made


def _check_foldable(graph: Graph, op: Op) -> None:
    source = graph.input(op)
    alone = source.type == "inner-product" and len(graph.consumers(source.name)) == 1
    if len(op.tensor.dims) == 2 and not alone:
        raise ModelError(
            f"batch norm '{op.name}' of a flat tensor must stand right behind a Dense layer, got one behind"
            f" '{source.name}' ({source.type}), on which AMD's quantizer fails; put it before the"
            " activation and train again"
        )


def _raise_epsilon(graph: Graph, op: Op) -> None:
    epsilon = float(op.attrs["epsilon"])
    if epsilon >= _LEAST_EPSILON:
        return
    variance = graph.data_of(op, "moving_var").astype(np.float64)
    gamma = graph.data_of(op, "gamma") / np.sqrt(variance + epsilon)
    for role, values in (("gamma", gamma), ("moving_var", np.full_like(gamma, 1 - _SAFE_EPSILON))):
        constant = graph.input(op, role)
        constant.data = np.asarray(values, np.float32)
    op.attrs["epsilon"] = _SAFE_EPSILON


def describe_layers(graph: Graph) -> list[Layer]:
    """Return the layers of a portable float graph, each behind those that feed it.

    Raises:
        ModelError: If an op has no layer in tf.keras 2, or a name that it does not take.
    """
    found = []
    for op in graph:
        if op.data is not None:
            continue
        if not _KERAS2_NAME.match(op.name):
            raise ModelError(
                f"layer names must be letters, digits and _ . / - for Keras 2, not beginning with _, got"
                f" '{op.name}'; rename the layer and train again"
            )
        kind, options = _LAYERS.get(op.type, _activation)(graph, op)
        inputs = list(op.args.get("input", []))
        found.append(Layer(op.name, kind, options, inputs, _weights(graph, op)))
    return found


def write_network(graph: Graph, folder: Path) -> None:
    """Write network.json and network.npz.

    Args:
        graph: Portable.
        folder: Exists.
    """
    layers = describe_layers(graph)
    content = {
        "format": FORMAT,
        "name": graph.name,
        "layers": [
            {
                "name": layer.name,
                "class": layer.kind,
                "options": layer.options,
                "inputs": layer.inputs,
                "weights": [f"{layer.name}/{place}" for place in range(len(layer.weights))],
            }
            for layer in layers
        ],
        "outputs": [op.name for op in graph.outputs()],
    }
    arrays = {f"{layer.name}/{i}": w for layer in layers for i, w in enumerate(layer.weights)}
    with files.replacing(folder / WEIGHTS) as temporary:
        np.savez(temporary, allow_pickle=False, **arrays)
    files.write_text(folder / NETWORK, json.dumps(content, indent=1) + "\n")


def _weights(graph: Graph, op: Op) -> list[np.ndarray]:
    if op.type == "batchnorm":
        roles: tuple[str, ...] = ("gamma", "beta", "moving_mean", "moving_var")
    else:
        roles = tuple(role for role in ("weights", "weight", "bias") if role in op.args)
    arrays = [to_keras_layout(graph.data_of(op, role), op) for role in roles]
    return [np.ascontiguousarray(array, np.float32) for array in arrays]


def _pair(values: Any) -> list[int]:
    """Bring [w, h] into Keras's (h, w)."""
    return [int(values[1]), int(values[0])]


def _padding(graph: Graph, op: Op) -> str:
    pads = [int(pad) for pad in op.attrs.get("pad", (0, 0, 0, 0))]
    if not any(pads):
        return "valid"
    size = graph.input(op).tensor.dims
    sides = zip(
        (size[2], size[1]),
        op.attrs["kernel"],
        op.attrs["stride"],
        op.attrs.get("dilation", (1, 1)),
    )
    if pads != [pixels for side in sides for pixels in same_padding(*side)]:
        raise ModelError(f"pad of op '{op.name}' must be that of padding='same', got {pads}")
    return "same"


def _convolution(graph: Graph, op: Op) -> tuple[str, dict[str, Any]]:
    options = {
        "kernel_size": _pair(op.attrs["kernel"]),
        "strides": _pair(op.attrs["stride"]),
        "padding": _padding(graph, op),
        "dilation_rate": _pair(op.attrs["dilation"]),
        "use_bias": "bias" in op.args,
    }
    if op.type == "depthwise-conv2d":
        options["depth_multiplier"] = graph.input(op, "weights").tensor.dims[0]
        return "DepthwiseConv2D", options
    options["filters"] = op.tensor.dims[-1]
    if op.attrs.get("group", 1) != 1:
        options["groups"] = int(op.attrs["group"])
    return "Conv2D", options


def _transposed(graph: Graph, op: Op) -> tuple[str, dict[str, Any]]:
    strides, size = _pair(op.attrs["stride"]), graph.input(op).tensor.dims[1:3]
    same = [side * stride for side, stride in zip(size, strides)] == list(op.tensor.dims[1:3])
    return "Conv2DTranspose", {
        "filters": op.tensor.dims[-1],
        "kernel_size": _pair(op.attrs["kernel"]),
        "strides": strides,
        "padding": "same" if same else "valid",
        "use_bias": "bias" in op.args,
    }


def _dense(graph: Graph, op: Op) -> tuple[str, dict[str, Any]]:
    return "Dense", {"units": op.tensor.dims[-1], "use_bias": "bias" in op.args}


def _batch_norm(graph: Graph, op: Op) -> tuple[str, dict[str, Any]]:
    return "BatchNormalization", {"epsilon": float(op.attrs["epsilon"])}


def _pool(graph: Graph, op: Op) -> tuple[str, dict[str, Any]]:
    sort = "Average" if op.type == "avgpool2d" else "Max"
    if op.attrs.get("global"):
        kept = {"keepdims": True} if len(op.tensor.dims) == 4 else {}  # no such option before 2.6
        return f"Global{sort}Pooling2D", kept
    return f"{sort}Pooling2D", {
        "pool_size": _pair(op.attrs["kernel"]),
        "strides": _pair(op.attrs["stride"]),
        "padding": _padding(graph, op),
    }


def _activation(graph: Graph, op: Op) -> tuple[str, dict[str, Any]]:
    kind = str(op.attrs.get("__keras"))
    if op.type in ("relu", "relu6") and kind == "ReLU":
        return "ReLU", {"max_value": 6.0} if op.type == "relu6" else {}
    if op.type == "leaky-relu":
        slope = float(op.attrs["alpha"])
        return ("ReLU", {"negative_slope": slope}) if kind == "ReLU" else (kind, {"alpha": slope})
    if op.type == "prelu":
        shape = graph.input(op, "weight").tensor.dims
        return "PReLU", {"shared_axes": [axis + 1 for axis, n in enumerate(shape) if n == 1]}
    if op.type == "softmax" and kind == "Softmax":
        return "Softmax", {}
    names = {made: name for name, made in ACTIVATIONS.items()}
    if op.type == "hard-sigmoid" and op.attrs.get("slope") != 0.2:
        raise ModelError(
            f"activation of op '{op.name}' must be one of Keras 2, got the hard_sigmoid of Keras 3,"
            " relu6(x + 3) / 6; use sigmoid, which the DPU computes by that very function"
        )
    if op.type not in names:
        raise ModelError(f"op '{op.name}' must have a layer in Keras 2, got type '{op.type}'")
    return "Activation", {"activation": names[op.type]}


def _shape(graph: Graph, op: Op) -> tuple[str, dict[str, Any]]:
    if op.attrs.get("__keras") == "Flatten":
        return "Flatten", {}
    return "Reshape", {"target_shape": list(op.tensor.dims[1:])}


def _zero_padding(graph: Graph, op: Op) -> tuple[str, dict[str, Any]]:
    pads = op.attrs["paddings"]
    return "ZeroPadding2D", {"padding": [list(pads[2:4]), list(pads[4:6])]}


def _up_sampling(graph: Graph, op: Op) -> tuple[str, dict[str, Any]]:
    mode = str(op.attrs["mode"]).lower()
    return "UpSampling2D", {"size": _pair(op.attrs["scale"]), "interpolation": mode}


_LAYERS: dict[str, Callable[[Graph, Op], tuple[str, dict[str, Any]]]] = {
    "add": lambda graph, op: ("Add", {}),
    "avgpool2d": _pool,
    "batchnorm": _batch_norm,
    "concat": lambda graph, op: ("Concatenate", {"axis": int(op.attrs["axis"])}),
    "conv2d": _convolution,
    "data": lambda graph, op: ("Input", {"shape": list(op.tensor.dims[1:])}),
    "depthwise-conv2d": _convolution,
    "inner-product": _dense,
    "maxpool2d": _pool,
    "mul": lambda graph, op: ("Multiply", {}),
    "pad": _zero_padding,
    "reshape": _shape,
    "resize": _up_sampling,
    "transposed-conv2d": _transposed,
}
