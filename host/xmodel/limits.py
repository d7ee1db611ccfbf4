"""What an op of a file must keep to before anything is computed from it: names, kinds of attributes, sizes.

A damaged or hostile file may ask for any amount of memory and time with a few bytes; no network for a
DPUCZDX8G comes near these limits. What an op does with values is checked where it is executed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from host.graph.graph import Graph, Op
from host.graph.workload import workload_of
from host.xmodel.definitions import REQUIRED
from target.errors import ModelError
from target.vision.fixed_point import ROUND_MODES

MAX_TENSOR_ELEMENTS = 1 << 28
MAX_DIMS = 8
MAX_NAME_LENGTH = 4096
MAX_KERNEL_PIXELS = 1 << 18  # 512 x 512, a large map at once
MAX_WINDOW_VALUES = 1 << 29  # all windows of a convolution side by side
MAX_OPERATIONS = 1 << 42  # of a whole graph, for one image
MAX_FACTOR_BITS = 60
_LARGEST_FLOAT = 3.4028234e38


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable() and len(value) <= MAX_NAME_LENGTH


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _are_integers(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_integer, value))


def _is_axis(value: Any) -> bool:
    return _is_integer(value) or _are_integers(value)


def _is_number(value: Any) -> bool:
    return (_is_integer(value) or isinstance(value, float)) and abs(value) <= _LARGEST_FLOAT


def _is_factor(value: Any) -> bool:
    return _are_integers(value) and len(value) == 2 and 0 <= value[1] <= MAX_FACTOR_BITS


def _is_round_mode(value: Any) -> bool:
    return isinstance(value, str) and value in ROUND_MODES


_LISTS = ("kernel", "stride", "dilation", "pad", "paddings", "begin", "end", "strides", "order")
_INTEGERS = ("group", "fix_point", "prelu_in", "prelu_shift")
_SHIFTS = ("hsigmoid_in", "shift_hsigmoid", "shift_hswish")
_TENSOR_INTEGERS = ("fix_point", "reg_id")
_KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(_LISTS, ("a list of integers", _are_integers)),
    **dict.fromkeys((*_INTEGERS, *_SHIFTS), ("an integer", _is_integer)),
    **dict.fromkeys(("nonlinear", "type", "mode"), ("text", _is_text)),
    **dict.fromkeys(("alpha", "epsilon", "slope", "offset"), ("a float32 number", _is_number)),
    "axis": ("an integer or a list of them", _is_axis),
    "dpu_factor": (f"[N, M] with M of 0..{MAX_FACTOR_BITS}", _is_factor),
    "round_mode": (f"one of {sorted(ROUND_MODES)}", _is_round_mode),
}


def short(value: Any) -> str:
    """Return a value for a message: one line, not long."""
    text = ascii(value)
    return text if len(text) <= 60 else text[:57] + "..."


def bare(value: Any) -> str:
    """Return a value likewise, text without its quotes."""
    return ascii(str(value)[:60])[1:-1]


def check_name(name: str, what: str) -> None:
    """Check a name that messages and drawings will show; it may be empty.

    Raises:
        ModelError: If it is too long, or would break a line or write over it.
    """
    if len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise ModelError(
            f"name of {what} must be printable and at most {MAX_NAME_LENGTH} characters long, got"
            f" {len(name)}: {short(name)}"
        )


def check_attrs(op: Op) -> None:
    """Check that the attributes of an op and its tensor are of XIR's kinds.

    Those of op types that are not XIR's are free.

    Raises:
        ModelError: If one is of another kind.
    """
    for key in _TENSOR_INTEGERS:
        value = op.tensor.attrs.get(key, 0)
        if not _is_integer(value):
            raise ModelError(
                f"{key} of tensor of op '{op.name}' must be an integer, got {short(value)}"
            )
    for key, (kind, is_right) in _KINDS.items() if op.type in REQUIRED else ():
        if key in op.attrs and not is_right(op.attrs[key]):
            raise ModelError(f"{key} of op '{op.name}' must be {kind}, got {short(op.attrs[key])}")


def check_work(graph: Graph) -> None:
    """Check what running the ops takes.

    Raises:
        ModelError: If windows are too large, or all ops together take too long.
    """
    operations = 0
    for op in graph:
        if op.type not in REQUIRED or op.data is not None:
            continue
        sources = graph.inputs(op)
        if "kernel" in op.attrs and len(sources) == 1 and len(sources[0].tensor.dims) == 4:
            _check_window(op, sources[0].tensor.dims)
        operations += max(workload_of(graph, op), math.prod(op.tensor.dims))
        if operations > MAX_OPERATIONS:
            raise ModelError(
                f"graph must take at most {MAX_OPERATIONS} operations an image,"
                f" got {operations} up to op '{op.name}'"
            )


def _check_window(op: Op, source: tuple[int, ...]) -> None:
    """Check the sizes of an op with a kernel; whether it fits is checked where it is executed."""
    pixels, sides = math.prod(op.attrs["kernel"]), _padded_sides(op, source)
    if pixels > MAX_KERNEL_PIXELS:
        raise ModelError(
            f"kernel of op '{op.name}' must have at most {MAX_KERNEL_PIXELS} pixels, got {pixels}"
        )
    if math.prod(sides) * source[3] > MAX_TENSOR_ELEMENTS:
        raise ModelError(
            f"padded input of op '{op.name}' must have at most {MAX_TENSOR_ELEMENTS} elements,"
            f" got {'x'.join(map(str, sides))}x{source[3]}"
        )
    values = math.prod(op.tensor.dims[1:-1]) * pixels * source[3]
    if "conv2d" in op.type and "depthwise" not in op.type and values > MAX_WINDOW_VALUES:
        raise ModelError(
            f"windows of op '{op.name}' must have at most {MAX_WINDOW_VALUES} values, got {values}"
        )


def _padded_sides(op: Op, source: tuple[int, ...]) -> list[int]:
    """Return height and width of what the windows are laid over, or a little more."""
    (kw, kh), (sw, sh) = _pair(op, "kernel"), _pair(op, "stride")
    dw, dh = _pair(op, "dilation")
    pad = op.attrs.get("pad", [0, 0, 0, 0])
    if len(pad) != 4 or min(pad) < 0:
        raise ModelError(
            f"pad of op '{op.name}' must be four sizes of at least 0, got {short(pad)}"
        )
    left, right, top, bottom = pad
    if "pool" in op.type:  # the last window may hang over
        return [source[1] + top + bottom + sh, source[2] + left + right + sw]
    if not op.type.startswith("transposed"):
        return [source[1] + top + bottom, source[2] + left + right]
    dims = op.tensor.dims
    if len(dims) != 4:
        raise ModelError(f"tensor of op '{op.name}' must be (n, h, w, c), got {list(dims)}")
    return [dims[1] + (kh - 1) * dh, dims[2] + (kw - 1) * dw]


def _pair(op: Op, key: str) -> tuple[int, int]:
    pair = op.attrs.get(key, [1, 1])
    if len(pair) != 2 or min(pair) < 1:
        raise ModelError(f"{key} of op '{op.name}' must be [w, h] of at least 1, got {short(pair)}")
    return pair[0], pair[1]
