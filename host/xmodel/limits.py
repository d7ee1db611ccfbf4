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

MAX_TENSOR_ELEMENTS = 1 << 30
MAX_DIMS = 8
MAX_NAME_LENGTH = 4096
MAX_KERNEL_PIXELS = 1 << 18  # 512 x 512, a large map at once
MAX_WINDOW_VALUES = 1 << 31  # all windows of a convolution side by side
MAX_OPERATIONS = 1 << 42  # of a whole graph, for one image
MAX_FACTOR_BITS = 60
_LARGEST_FLOAT = 3.4028234e38


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable() and len(value) <= MAX_NAME_LENGTH


def _is_integer(value: Any) -> bool:
    return isinstance(value, int)


def _are_integers(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, int) for item in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and abs(value) <= _LARGEST_FLOAT


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
    "dpu_factor": (f"[N, M] with M of 0..{MAX_FACTOR_BITS}", _is_factor),
    "round_mode": (f"one of {sorted(ROUND_MODES)}", _is_round_mode),
}


def short(value: Any) -> str:
    """Return a value for a message: one line, not long."""
    text = ascii(value)
    return text if len(text) <= 60 else text[:57] + "..."


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
        if not isinstance(value, int):
            raise ModelError(
                f"{key} of tensor of op '{op.name}' must be an integer, got {short(value)}"
            )
    for key, (kind, is_right) in _KINDS.items() if op.type in REQUIRED else ():
        if key in op.attrs and not is_right(op.attrs[key]):
            raise ModelError(f"{key} of op '{op.name}' must be {kind}, got {short(op.attrs[key])}")


def check_work(graph: Graph) -> None:
    """Check what running the ops takes.

    Raises:
        ModelError: If a window is too large, or all ops together take too long.
    """
    operations = 0
    for op in graph:
        if op.type not in REQUIRED or op.data is not None:
            continue
        if "kernel" in op.attrs:
            _check_window(graph, op)
        operations += max(workload_of(graph, op), math.prod(op.tensor.dims))
        if operations > MAX_OPERATIONS:
            raise ModelError(
                f"graph must take at most {MAX_OPERATIONS} operations an image,"
                f" got {operations} up to op '{op.name}'"
            )


def _check_window(graph: Graph, op: Op) -> None:
    kernel, pad = op.attrs["kernel"], op.attrs.get("pad", [0, 0, 0, 0])
    dilation = op.attrs.get("dilation", [1, 1])
    sources = graph.inputs(op)
    if not len(kernel) == len(dilation) == 2 or len(pad) != 4 or len(sources) != 1:
        return  # refused where the op is executed
    if min(pad) < 0:
        raise ModelError(f"pad of op '{op.name}' must be four sizes of at least 0, got {pad}")
    source, dims = sources[0].tensor.dims, op.tensor.dims
    if len(source) != 4:
        return
    pixels = math.prod(kernel)
    if pixels > MAX_KERNEL_PIXELS:
        raise ModelError(
            f"kernel of op '{op.name}' must have at most {MAX_KERNEL_PIXELS} pixels, got {pixels}"
        )
    if op.type.startswith("transposed"):
        if len(dims) != 4:
            raise ModelError(f"tensor of op '{op.name}' must be (n, h, w, c), got {list(dims)}")
        (kw, kh), (dw, dh) = kernel, dilation
        sides = [side + (k - 1) * d for side, k, d in zip(dims[1:3], (kh, kw), (dh, dw))]
    else:
        left, right, top, bottom = pad
        sides = [source[1] + top + bottom, source[2] + left + right]
    if math.prod(sides) * source[3] > MAX_TENSOR_ELEMENTS:
        raise ModelError(
            f"padded input of op '{op.name}' must have at most {MAX_TENSOR_ELEMENTS} elements,"
            f" got {'x'.join(map(str, sides))}x{source[3]}"
        )
    values = math.prod(dims[1:-1]) * pixels * source[3]
    if "conv2d" in op.type and "depthwise" not in op.type and values > MAX_WINDOW_VALUES:
        raise ModelError(
            f"windows of op '{op.name}' must have at most {MAX_WINDOW_VALUES} values, got {values}"
        )
