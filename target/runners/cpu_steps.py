"""The steps between two DPU subgraphs, on the CPU: float32 and code conversions in plain numpy.

What AMD's compiler leaves to the CPU it marks so in the file; VART does not execute it. One line of
OPS an op; each takes its attributes and its inputs' values and returns its tensor.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Callable, Dict, List, Sequence, Tuple

import numpy as np

from target.vision.fixed_point import dequantize, quantize
from target.vision.postprocess import softmax

Attrs = Dict[str, Any]


@dataclasses.dataclass(frozen=True)
class CpuOp:
    """One op as it stands in the file.

    Attributes:
        name: Unique in the file.
        type: A key of OPS.
        inputs: Names of the tensors it takes, in order.
        output: Name of the tensor it makes.
        dims: Of that tensor, batch 1 in front.
        attrs: XIR's.
    """

    name: str
    type: str
    inputs: Tuple[str, ...]
    output: str
    dims: Tuple[int, ...]
    attrs: Attrs


def run_op(op: CpuOp, values: Sequence[np.ndarray]) -> np.ndarray:
    """Return the op's tensor.

    Args:
        op: Its type is in OPS.
        values: Of its inputs, int8 codes or float32.
    """
    return np.asarray(OPS[op.type](op, list(values)))


def _fix2float(op: CpuOp, values: List[np.ndarray]) -> np.ndarray:
    return dequantize(values[0], op.attrs["fix_point"])


def _float2fix(op: CpuOp, values: List[np.ndarray]) -> np.ndarray:
    return quantize(values[0], op.attrs["fix_point"], op.attrs.get("round_mode", "DPU_ROUND"))


def _fix(op: CpuOp, values: List[np.ndarray]) -> np.ndarray:
    return dequantize(_float2fix(op, values), op.attrs["fix_point"])


def _softmax(op: CpuOp, values: List[np.ndarray]) -> np.ndarray:
    axis = int(op.attrs.get("axis", -1))
    return np.moveaxis(softmax(np.moveaxis(values[0], axis, -1)), -1, axis)


def _transpose(op: CpuOp, values: List[np.ndarray]) -> np.ndarray:
    return values[0].transpose(op.attrs["order"])


def _reshape(op: CpuOp, values: List[np.ndarray]) -> np.ndarray:
    return values[0].reshape(op.dims)


def _leaky_relu(op: CpuOp, values: List[np.ndarray]) -> np.ndarray:
    slope = np.float32(op.attrs.get("alpha", 0.01))
    return np.where(values[0] < 0, values[0] * slope, values[0])


def _sigmoid(op: CpuOp, values: List[np.ndarray]) -> np.ndarray:
    with np.errstate(over="ignore"):  # exp of a large number is inf, and that is right here
        return np.asarray(np.float32(1) / (np.float32(1) + np.exp(-values[0])))


def _elu(op: CpuOp, values: List[np.ndarray]) -> np.ndarray:
    return np.where(values[0] > 0, values[0], np.expm1(np.minimum(values[0], 0)))


def _windows(op: CpuOp, x: np.ndarray, filler: float) -> List[np.ndarray]:
    """Return one view (1, oh, ow, c) of a map for each place in the pool's window."""
    (kw, kh), (sw, sh) = op.attrs["kernel"], op.attrs["stride"]
    left, right, top, bottom = op.attrs.get("pad", (0, 0, 0, 0))
    _, oh, ow, _ = op.dims
    # Where the number of windows is rounded up, the last one hangs over the padding.
    tall, wide = (oh - 1) * sh + kh, (ow - 1) * sw + kw
    bottom, right = max(bottom, tall - x.shape[1] - top), max(right, wide - x.shape[2] - left)
    edges = ((0, 0), (top, bottom), (left, right), (0, 0))
    x = np.pad(x, edges, constant_values=filler) if any(map(any, edges)) else x
    return [
        x[:, row : row + (oh - 1) * sh + 1 : sh, column : column + (ow - 1) * sw + 1 : sw]
        for row in range(kh)
        for column in range(kw)
    ]


def _maxpool2d(op: CpuOp, values: List[np.ndarray]) -> np.ndarray:
    views = _windows(op, values[0], -np.inf)
    highest = views[0].copy()
    for view in views[1:]:
        np.maximum(highest, view, out=highest)
    return highest


def _avgpool2d(op: CpuOp, values: List[np.ndarray]) -> np.ndarray:
    views = _windows(op, values[0], 0)
    total = _total(views)
    count, bits = op.attrs.get("dpu_factor") or (0, 0)
    if op.attrs.get("count_include_pad", True):
        return np.asarray(total * np.float32(count / 2.0**bits) if count else total / len(views))
    pixels = _total(_windows(op, np.ones_like(values[0][..., :1]), 0))
    return np.asarray(total / pixels * np.float32(count * len(views) / 2.0**bits if count else 1))


def _total(views: List[np.ndarray]) -> np.ndarray:
    total: np.ndarray = views[0].astype(np.float32)
    for view in views[1:]:
        total += view
    return total


def _fold(one: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Callable[..., np.ndarray]:
    def run(op: CpuOp, values: List[np.ndarray]) -> np.ndarray:
        total = values[0]
        for value in values[1:]:
            total = one(total, value)
        return total

    return run


OPS: Dict[str, Callable[[CpuOp, List[np.ndarray]], np.ndarray]] = {
    "add": _fold(np.add),
    "avgpool2d": _avgpool2d,
    "concat": lambda op, values: np.concatenate(values, axis=int(op.attrs["axis"])),
    "div": _fold(np.divide),
    "download": lambda op, values: values[0],
    "elu": _elu,
    "exp": lambda op, values: np.exp(values[0]),
    "fix": _fix,
    "fix2float": _fix2float,
    "flatten": _reshape,
    "float2fix": _float2fix,
    "hard-swish": lambda op, values: values[0] * np.clip(values[0] + 3, 0, 6) / 6,
    "identity": lambda op, values: values[0],
    "leaky-relu": _leaky_relu,
    "max": _fold(np.maximum),
    "maxpool2d": _maxpool2d,
    "min": _fold(np.minimum),
    "mul": _fold(np.multiply),
    "neg": lambda op, values: -values[0],
    "relu": lambda op, values: np.maximum(values[0], 0),
    "relu6": lambda op, values: np.clip(values[0], 0, 6),
    "reshape": _reshape,
    "reshape-fix": _reshape,
    "sigmoid": _sigmoid,
    "softmax": _softmax,
    "softplus": lambda op, values: np.logaddexp(values[0], np.float32(0)),
    "squeeze": _reshape,
    "sub": _fold(np.subtract),
    "swish": lambda op, values: values[0] * _sigmoid(op, values),
    "tanh": lambda op, values: np.tanh(values[0]),
    "transpose": _transpose,
    "upload": lambda op, values: values[0],
}
