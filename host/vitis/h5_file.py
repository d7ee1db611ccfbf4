"""Reads quantized.h5, the model that AMD's quantizer leaves: its positions and its float weights.

Every quantized layer <layer> is a wrapper quant_<layer> whose weights are those of the layer and, for each
quantized tensor, a binary point <tensor>_pos. Source: vai_q_tensorflow2, vitis_quantize_wrapper.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from target.errors import ModelError

PREFIX = "quant_"
# By the name of the variable: what it is to the quantizer here.
_ROLES = {
    "kernel_pos": "kernel",
    "depthwise_kernel_pos": "kernel",
    "bias_pos": "bias",
    "alpha_pos": "alpha",
    "post_activation_pos": "output",
    "output_0_pos": "output",
    "pre_activation_pos": "input",
}
_WEIGHTS = {"kernel": "kernel", "depthwise_kernel": "kernel", "bias": "bias", "alpha": "alpha"}


class QuantizedFile(NamedTuple):
    """What a quantized.h5 says.

    Attributes:
        positions: By layer of the float network and role (kernel, bias, alpha, output, input).
        weights: float32 in Keras's layouts, by `layer/role`.
    """

    positions: dict[str, dict[str, int]]
    weights: dict[str, np.ndarray]


def read_quantized(path: Path) -> QuantizedFile:
    """Read positions and weights.

    Raises:
        ModelError: If the file is none of AMD's quantizer.
    """
    import h5py

    positions: dict[str, dict[str, int]] = {}
    weights: dict[str, np.ndarray] = {}
    try:
        with h5py.File(path, "r") as file:
            for layer, name, value in _variables(file["model_weights"]):
                if layer.startswith(PREFIX):
                    _take(layer, name, value, positions, weights)
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise ModelError(
            f"quantized model must be a file of AMD's quantizer, got '{error}' in {path}; run make"
            " quantize TOOLCHAIN=vitis"
        ) from error
    if not positions:
        raise ModelError(
            f"quantized model must have quantized layers, got none in {path}; run make quantize"
            " TOOLCHAIN=vitis"
        )
    return QuantizedFile(positions, weights)


def _variables(group: Any) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield layer, name and value of every variable, in the file's order."""
    for layer in _names(group, "layer_names"):
        for path in _names(group[layer], "weight_names"):
            yield layer, path.rsplit("/", 1)[-1].split(":")[0], np.asarray(group[layer][path])


def _names(group: Any, attribute: str) -> list[str]:
    """Return a list of names; Keras cuts long ones into attribute0, attribute1 and so on."""
    if attribute in group.attrs:
        stored = list(group.attrs[attribute])
    else:
        stored, part = [], 0
        while f"{attribute}{part}" in group.attrs:
            stored += list(group.attrs[f"{attribute}{part}"])
            part += 1
    return [name.decode() if isinstance(name, bytes) else str(name) for name in stored]


def _take(
    layer: str,
    name: str,
    value: np.ndarray,
    positions: dict[str, dict[str, int]],
    weights: dict[str, np.ndarray],
) -> None:
    owner = layer[len(PREFIX) :]
    table = positions.setdefault(owner, {})
    if name == f"{layer}_pos".rsplit("/", 1)[-1]:
        # The network's input, or the output of a layer that stays float.
        table["output"] = _position(value, layer)
    elif name in _ROLES:
        table[_ROLES[name]] = _position(value, f"{layer}/{name}")
    elif name in _WEIGHTS:
        weights[f"{owner}/{_WEIGHTS[name]}"] = np.asarray(value, np.float32)


def _position(value: np.ndarray, name: str) -> int:
    number = float(np.asarray(value).reshape(-1)[0])
    if value.size != 1 or not number.is_integer():
        raise ValueError(f"position of {name} is {value}, no whole number")
    return int(number)
