"""pad and pad-fix: more pixels around a tensor; zeros or mirrored ones."""

from __future__ import annotations

import math

import numpy as np

from host.dpu.ops.call import Call
from host.dpu.ops.requantize import rescaled
from target.errors import ModelError

_MODES = {"CONSTANT": "constant", "REFLECT": "reflect", "SYMMETRIC": "symmetric"}


def pad(call: Call) -> np.ndarray:
    """Return the tensor with `paddings` (before and after, for each axis) around it.

    Args:
        call: `input` (n, ...), any dtype. Attributes `paddings`, of the batch zero, and `mode`:
            CONSTANT (zeros), REFLECT (the edge itself not repeated) or SYMMETRIC (repeated).

    Raises:
        ModelError: If the attributes are impossible or make another shape than the op's.
    """
    x, pads = call.value(), call.integers("paddings")
    mode = _MODES.get(str(call.attr("mode", "CONSTANT")))
    if mode is None or len(pads) != 2 * x.ndim or min(pads, default=-1) < 0 or any(pads[:2]):
        raise ModelError(
            f"paddings of op '{call.op.name}' must be two sizes for each of {x.ndim} axes, none for"
            f" the batch, in one of the modes {sorted(_MODES)}, got {pads}, {call.attr('mode', '')}"
        )
    pairs = list(zip(pads[::2], pads[1::2]))
    sizes = [size + before + after for size, (before, after) in zip(x.shape, pairs)]
    if math.prod(sizes[1:]) != math.prod(call.op.tensor.dims[1:]):
        raise ModelError(
            f"tensor of op '{call.op.name}' must have dims {sizes[1:]} by its paddings, got"
            f" {list(call.op.tensor.dims[1:])}"
        )
    return call.shaped(np.pad(x, pairs, mode=mode))  # type: ignore[call-overload]


def pad_fix(call: Call) -> np.ndarray:
    """Pad int8 codes; see pad. Rounded once if input and output fix points differ."""
    return rescaled(call, pad(call))
