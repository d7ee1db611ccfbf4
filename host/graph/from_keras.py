"""Keras model -> float Graph. Works on the model's own objects; imports no Keras.

To add a layer: host/graph/layers/table.py.
"""

from __future__ import annotations

from typing import Any

from host.graph.graph import Graph
from host.graph.layers import activation
from host.graph.layers.base import LayerCall
from host.graph.layers.operation import add_operation, is_operation
from host.graph.layers.table import CONVERTERS, MODULES
from target.errors import ModelError

SEPARABLE = "__separable"  # marks an activation that came out of a SeparableConv2D
SEQUENTIAL = "__sequential"  # attribute of a graph that was a Sequential model
_MODELS = ("Functional", "Sequential")
_Made = dict[tuple[str, int], str]  # (layer, number of its use) -> op that makes its output


def from_keras(model: Any) -> Graph:
    """Turn a Keras model into a float graph.

    Args:
        model: keras.Model, functional or Sequential, with one input; layers as in the table, models
            inside models too.

    Returns:
        The graph: one op per layer, named as the layer, in the model's layer order, plus constants.

    Raises:
        ModelError: If a layer or option has no converter.
    """
    graph = Graph(model.name)
    graph.attrs[SEQUENTIAL] = "output_layers" not in model.get_config()
    results = _add_model(graph, model, [])
    graph.sort()
    inputs, used = graph.of_type("data"), {n for op in graph for n in op.input_names}
    if len(inputs) != 1:
        raise ModelError(f"model '{model.name}' must have one input, got {len(inputs)}")
    for name in results:
        if name in used:
            raise ModelError(
                f"output '{name}' of model '{model.name}' must not feed another layer too"
            )
    return graph


def _add_model(graph: Graph, model: Any, sources: list[str]) -> list[str]:
    """Add the layers of a model; returns the ops that make its outputs."""
    model = _as_functional(model)
    config = model.get_config()
    inputs = [entry[0] for entry in _entries(config["input_layers"])]
    fed = dict(zip(inputs, sources))
    made: _Made = {}
    pending = [
        (layer, use, node)
        for layer in config["layers"]
        for use, node in enumerate(layer["inbound_nodes"] or [{"args": []}])
    ]
    while pending:  # a layer that is used twice may stand before what its second use needs
        ready = [entry for entry in pending if all(key in made for key in _sources(entry[2]))]
        for layer, use, node in ready[:1] if len(ready) < len(pending) else ready:
            name = layer["config"]["name"]
            feeding = [made[key] for key in _sources(node)] or [fed[n] for n in [name] if n in fed]
            label = _label(graph, model.name, name if use == 0 else f"{name}_{use}")
            if is_operation(layer):
                operands = _operands(node["args"], made)
                made[name, use] = add_operation(graph, layer["class_name"], label, operands)
            else:
                made[name, use] = _add_layer(graph, model, layer, (label, feeding))
            pending.remove((layer, use, node))
    return [made[entry[0], entry[1]] for entry in _entries(config["output_layers"])]


def _label(graph: Graph, model: str, name: str) -> str:
    """Return a name that is free: layers of models inside may be named as others outside."""
    return name if name not in graph else f"{model}/{name}"


def _as_functional(model: Any) -> Any:
    if "output_layers" in model.get_config():
        return model
    functional = getattr(model, "_functional", None)  # of a Sequential model that is built
    if functional is None:
        raise ModelError(
            f"model must be a functional or built Sequential Keras model, got"
            f" {type(model).__name__} '{model.name}'"
        )
    return functional


def _entries(layers: Any) -> list[Any]:
    """Return [layer, node, tensor] of every input or output; Keras flattens a single one."""
    if isinstance(layers, dict):
        layers = list(layers.values())
    return [layers] if layers and isinstance(layers[0], str) else list(layers)


def _sources(node: Any) -> list[tuple[str, int]]:
    """Return the layers and uses that feed a use of a layer, from its serialized call."""
    found: list[tuple[str, int]] = []
    _collect_history(node["args"], found)
    return found


def _operands(values: Any, made: _Made) -> list[str | float]:
    """Return the operands of an operation: ops, or numbers."""
    found: list[str | float] = []
    for value in values:
        history: list[tuple[str, int]] = []
        _collect_history(value, history)
        if len(history) == 1 and isinstance(value, dict):
            found.append(made[history[0]])
        elif isinstance(value, (int, float)):
            found.append(float(value))
        else:
            raise ModelError(f"operand of an operation must be a tensor or a number, got {value}")
    return found


def _collect_history(value: Any, found: list[tuple[str, int]]) -> None:
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        layer, use, _ = value["config"]["keras_history"]
        found.append((layer, use))
    elif isinstance(value, (list, tuple)):
        for item in value:
            _collect_history(item, found)


def _add_layer(graph: Graph, model: Any, config: dict[str, Any], use: tuple[str, list[str]]) -> str:
    label, sources = use
    kind = config["class_name"]
    if kind not in _MODELS:
        _check_kind(config)
    layer = model.get_layer(config["config"]["name"])
    if kind in _MODELS:
        results = _add_model(graph, layer, sources)
        if len(results) != 1:
            raise ModelError(f"model '{layer.name}' must have one output, got {len(results)}")
        return results[0]
    if getattr(layer, "quantization_mode", None):
        raise ModelError(
            f"layer '{layer.name}' must have float weights, got {layer.quantization_mode} ones; save the"
            " model before Keras quantizes it"
        )
    call = LayerCall(graph, layer, label, sources)
    made = CONVERTERS[kind](call)
    option = config["config"].get("activation", "linear")
    if kind == "Activation":
        return made
    last = activation.append(call, option, made)
    if kind == "SeparableConv2D" and last != made:
        graph.op(last).attrs[SEPARABLE] = True
    return last


def _check_kind(layer: dict[str, Any]) -> None:
    """Refuse layers and layouts that no converter knows."""
    name, config = layer["config"]["name"], layer["config"]
    if layer["class_name"] not in CONVERTERS or layer.get("module") not in MODULES:
        raise ModelError(
            f"layer '{name}' must be one of {sorted(CONVERTERS)} in keras.layers,"
            f" got {layer['class_name']} in {layer.get('module')}"
        )
    if config.get("data_format", "channels_last") != "channels_last":
        raise ModelError(
            f"data_format of layer '{name}' must be channels_last, got {config['data_format']}"
        )
