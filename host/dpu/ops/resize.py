"""resize, upsample-fix and downsample-fix: a map of another size; nearest pixels or straight lines.

Places between pixels are fractions of whole numbers, so codes are exact: integers to the last step.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from host.dpu.ops.call import Call
from host.dpu.ops.requantize import check_shift
from target.errors import ModelError
from target.vision.fixed_point import INT8_MAX, INT8_MIN

_MAX_SIDE = 1 << 14  # of maps; keeps the integers below within 63 bits


class _Axis(NamedTuple):
    """Where the output's pixels lie on one axis of the input.

    Attributes:
        lower: The pixel before each place.
        upper: The pixel behind it.
        far: How far behind `lower`, in units of 1 / unit.
        unit: See above.
    """

    lower: np.ndarray
    upper: np.ndarray
    far: np.ndarray
    unit: int


def resize(call: Call) -> np.ndarray:
    """Resize float32 maps.

    Args:
        call: `input` (n, h, w, c). Attributes `mode` (NEAREST, BILINEAR), `align_corners`,
            `half_pixel_centers`; the size is that of the op's tensor.

    Returns:
        float32 (n, oh, ow, c).

    Source: XIR's definition of the op.
    """
    values, unit = _resized(call, np.dtype(np.float64))
    return call.shaped((values / unit).astype(np.float32))


def resize_fix(call: Call) -> np.ndarray:
    """Resize int8 codes, rounded once; see resize."""
    values, unit = _resized(call, np.dtype(np.int64))
    shift = call.op.tensor.fix_point - call.tensor().fix_point
    check_shift(2 * shift, "twice the shift", call.op.name)
    # Round half up of values / unit * 2**shift.
    above, below = values << max(shift, 0), unit << max(-shift, 0)
    rounded = (2 * above + below) // (2 * below)
    return call.shaped(np.clip(rounded, INT8_MIN, INT8_MAX).astype(np.int8))


def _resized(call: Call, dtype: np.dtype) -> tuple[np.ndarray, int]:
    """Return the resized map times a number, and that number."""
    x, dims, mode = call.value(), call.op.tensor.dims, str(call.attr("mode"))
    sides = (*dims[1:3], *x.shape[1:3])
    if x.ndim != 4 or len(dims) != 4 or dims[3] != x.shape[3] or not min(sides) > 0:
        raise ModelError(
            f"tensor of op '{call.op.name}' must be a map with the channels of its input"
            f" {list(x.shape)}, got {list(dims)}"
        )
    if mode not in ("NEAREST", "BILINEAR") or max(sides) > _MAX_SIDE:
        raise ModelError(
            f"mode of op '{call.op.name}' must be NEAREST or BILINEAR with sides up to {_MAX_SIDE},"
            f" got '{mode}' with {list(sides)}"
        )
    rows, cols = (_places(call, x.shape[axis], dims[axis], mode) for axis in (1, 2))
    if mode == "NEAREST":
        return x[:, rows.lower][:, :, cols.lower].astype(dtype), 1
    wide = x.astype(dtype)
    lines = _mix(wide[:, :, cols.lower], wide[:, :, cols.upper], cols, cols.far[:, None])
    mixed = _mix(lines[:, rows.lower], lines[:, rows.upper], rows, rows.far[:, None, None])
    return mixed, rows.unit * cols.unit


def _places(call: Call, size: int, out: int, mode: str) -> _Axis:
    """Work out places = number / unit, all integers."""
    corners = bool(call.op.attrs.get("align_corners", False))
    centers = bool(call.op.attrs.get("half_pixel_centers", False))
    above, unit = (size - 1, out - 1) if corners and out > 1 else (size, out)
    index = np.arange(out, dtype=np.int64)
    number = index * above
    if centers:  # (index + 1/2) * above / unit - 1/2
        number, unit = (2 * index + 1) * above - unit, 2 * unit
    if mode == "NEAREST":
        nearest = (2 * number + unit) // (2 * unit) if corners else number // unit
        nearest = np.clip(nearest, 0, size - 1)
        return _Axis(nearest, nearest, np.zeros_like(nearest), 1)
    lower = np.clip(number // unit, 0, size - 1)
    upper = np.clip(-(-number // unit), 0, size - 1)
    return _Axis(lower, upper, number - lower * unit, unit)


def _mix(first: np.ndarray, second: np.ndarray, axis: _Axis, far: np.ndarray) -> np.ndarray:
    return np.asarray(first * axis.unit + (second - first) * far)
