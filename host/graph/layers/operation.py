"""Operations outside a layer: a + b, 2 * a, a - 1, a / 4, -a, and functions such as keras.ops.relu(a).

Sums and products of tensors become what the layers of that name become; a number makes a factor and an
offset, which is a batch norm and folds into a convolution before it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from host.graph.graph import Graph, Op, Tensor, const
from host.graph.layers.activation import ACTIVATIONS
from target.errors import ModelError

ARITHMETIC = ("Add", "Subtract", "Multiply", "TrueDivide", "Negative")
_MODULES = ("keras.src.ops.numpy", "keras.src.ops.nn")


def is_operation(layer: dict[str, Any]) -> bool:
    """Say whether a serialized entry of a model is an operation and no layer."""
    return layer.get("module") in _MODULES


def add_operation(graph: Graph, kind: str, label: str, operands: list[str | float]) -> str:
    """Add an operation; returns the op that makes its result.

    Args:
        graph: Being built.
        kind: Keras's class, such as Add or Relu.
        label: Name of the op to make.
        operands: Names of ops, or numbers.

    Raises:
        ModelError: If the operation has no converter, or its operands are not some that it takes.
    """
    tensors = [operand for operand in operands if isinstance(operand, str)]
    function = kind.lower()
    if kind not in ARITHMETIC:
        if function not in ACTIVATIONS or len(tensors) != 1 or len(operands) != 1:
            known = [*ARITHMETIC, *(name.capitalize() for name in ACTIVATIONS)]
            raise ModelError(f"operation '{label}' must be one of {', '.join(known)}, got {kind}")
        attrs = {"__keras": "Activation", **({"axis": -1} if function == "softmax" else {})}
        return _unary(graph, ACTIVATIONS[function], label, tensors[0], attrs)
    if len(tensors) == 2:
        return _of_tensors(graph, kind, label, (tensors[0], tensors[1]))
    factor, offset = _line(kind, label, operands)
    return _scale(graph, label, tensors[0], (factor, offset))


def _line(kind: str, label: str, operands: list[str | float]) -> tuple[float, float]:
    """Return factor and offset of an operation on a tensor and a number."""
    numbers = [float(operand) for operand in operands if not isinstance(operand, str)]
    first = operands and isinstance(operands[0], str)
    if kind == "Negative" and not numbers:
        return -1.0, 0.0
    if len(numbers) == 1:
        (number,) = numbers
        if kind == "Add":
            return 1.0, number
        if kind == "Multiply":
            return number, 0.0
        if kind == "Subtract":
            return (1.0, -number) if first else (-1.0, number)
        if kind == "TrueDivide" and first and number:
            return 1.0 / number, 0.0
    raise ModelError(
        f"operation '{label}' ({kind}) must be of two tensors, or a tensor and a number that does not"
        f" divide by it, got {operands}"
    )


def _of_tensors(graph: Graph, kind: str, label: str, operands: tuple[str, str]) -> str:
    first, second = operands
    if kind == "Subtract":
        second = _scale(graph, f"{label}_negative", second, (-1.0, 0.0))
    elif kind not in ("Add", "Multiply"):
        raise ModelError(f"operation '{label}' must be Add, Subtract or Multiply, got {kind}")
    shapes = [graph.op(name).tensor.dims for name in (first, second)]
    dims = tuple(int(size) for size in np.broadcast_shapes(*shapes))
    attrs = {"__keras": "Multiply" if kind == "Multiply" else "Add"}
    made = "mul" if kind == "Multiply" else "add"
    return graph.add(Op(label, made, Tensor(label, dims), {"input": [first, second]}, attrs)).name


def _unary(graph: Graph, kind: str, label: str, source: str, attrs: dict[str, Any]) -> str:
    tensor = Tensor(label, graph.op(source).tensor.dims)
    return graph.add(Op(label, kind, tensor, {"input": [source]}, attrs)).name


def _scale(graph: Graph, label: str, source: str, line: tuple[float, float]) -> str:
    dims = graph.op(source).tensor.dims
    parts = {"gamma": line[0], "beta": line[1], "moving_mean": 0.0, "moving_var": 1.0}
    args = {"input": [source]}
    for role, value in parts.items():
        values = np.full(dims[-1], value, np.float32)
        args[role] = [graph.add(const(f"{label}/{role}", values)).name]
    attrs = {"__keras": "BatchNormalization", "epsilon": 0.0, "axis": len(dims) - 1}
    return graph.add(Op(label, "batchnorm", Tensor(label, dims), args, attrs)).name
