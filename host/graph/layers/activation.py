"""Activations: as an option of a layer, as Activation, or as a layer of their own.

`__keras` keeps the class of the layer, because AMD's quantizer treats Activation('relu') and ReLU
apart, and Activation('softmax') and Softmax.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from host.graph.layers.base import LayerCall
from target.errors import ModelError

# Name in Keras 2 and op type; Keras 3 calls swish silu.
ACTIVATIONS = {
    "elu": "elu",
    "exponential": "exp",
    "gelu": "gelu",
    "hard_sigmoid": "hard-sigmoid",
    "linear": "identity",
    "relu": "relu",
    "relu6": "relu6",
    "selu": "selu",
    "sigmoid": "sigmoid",
    "softmax": "softmax",
    "softplus": "softplus",
    "softsign": "softsign",
    "swish": "swish",
    "tanh": "tanh",
}
KERAS2_HARD_SIGMOID = "keras2>hard_sigmoid"
_KERAS3_NAMES = {"silu": "swish"}


def name_of(config: Any) -> str:
    """Return Keras 2's name of a serialized activation: a string, or a dict of an object."""
    if isinstance(config, dict):
        inner = config.get("config")
        registered = config.get("registered_name")
        own = registered if isinstance(registered, str) and ">" in registered else inner
        config = own if isinstance(own, str) else config.get("class_name")
    return _KERAS3_NAMES.get(str(config), str(config))


def append(call: LayerCall, config: Any, source: str) -> str:
    """Put the activation of a layer behind it, as a layer of its own: <layer>_<activation>.

    As AMD's separate_conv_act does.
    """
    name = name_of(config)
    if name == "linear":
        return source
    short = "hard_sigmoid" if name == KERAS2_HARD_SIGMOID else name
    return _make(call, name, f"{call.name}_{short}", source)


def activation(call: LayerCall) -> str:
    """Activation -> the op of its function."""
    name = name_of(call.layer.get_config()["activation"])
    return _make(call, name, call.name, call.sources[0])


def _make(call: LayerCall, name: str, op_name: str, source: str) -> str:
    attrs: dict[str, Any] = {"__keras": "Activation"}
    if name == KERAS2_HARD_SIGMOID:
        name, attrs = "hard_sigmoid", {**attrs, "slope": 0.2, "offset": 0.5}
    if name not in ACTIVATIONS:
        raise ModelError(
            f"activation of layer '{call.layer.name}' must be one of {sorted(ACTIVATIONS)},"
            f" got '{name}'"
        )
    if name == "softmax":
        attrs["axis"] = -1
    return call.behind(ACTIVATIONS[name], op_name, source, attrs)


def relu(call: LayerCall) -> str:
    """ReLU -> relu or relu6, or leaky-relu if it has a slope and nothing else."""
    layer = call.layer
    slope, limit = float(layer.negative_slope), layer.max_value
    if float(layer.threshold) or limit not in (None, 6.0) or (slope and limit):
        raise ModelError(
            f"ReLU '{layer.name}' must have threshold 0 and max_value none, or 6 with negative_slope"
            f" 0, got threshold {layer.threshold}, max_value {limit}, negative_slope {slope}"
        )
    if slope:
        return call.add("leaky-relu", {"alpha": slope})
    return call.add("relu6" if limit else "relu")


def leaky_relu(call: LayerCall) -> str:
    """LeakyReLU -> leaky-relu."""
    return call.add("leaky-relu", {"alpha": float(call.layer.negative_slope)})


def prelu(call: LayerCall) -> str:
    """PReLU -> prelu; its slopes broadcast."""
    return call.add("prelu", weight=call.constant("alpha", np.asarray(call.layer.alpha)))


def softmax(call: LayerCall) -> str:
    """Softmax -> softmax."""
    call.check_last_axis()
    return call.add("softmax", {"axis": -1})
