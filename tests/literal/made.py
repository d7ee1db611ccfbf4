"""Make ops by hand, as the file reader gives them, for the tests of the literal operations.

Must not import host, target or numpy.
"""

from __future__ import annotations

from typing import Any

from tests.literal.ops import OPS, Node, Tensor


def make_op(dims: tuple[int, ...], attrs: dict[str, Any] | None = None, fix_point: int = 0) -> Node:
    """Return an op as the file reader gives it."""
    tensor = {"name": "y", "dims": list(dims), "attrs": {"fix_point": fix_point}}
    return {"name": "op", "type": "", "attrs": attrs or {}, "args": {}, "tensor": tensor}


def window(kernel: list[int], stride: list[int], pad: list[int], **attrs: Any) -> dict[str, Any]:
    """Return the attributes of an op with a window, all [w, h] or [left, right, top, bottom]."""
    return {"kernel": kernel, "stride": stride, "pad": pad, **attrs}


def run(
    kind: str,
    x: Tensor,
    dims: tuple[int, ...],
    attrs: dict[str, Any] | None = None,
    fix_point: int = 0,
    **constants: Tensor,
) -> list[int]:
    """Execute an op of one input and perhaps weights and bias; returns the codes of its output."""
    args = {"input": [x], **{name: [tensor] for name, tensor in constants.items()}}
    return OPS[kind](make_op(dims, attrs, fix_point), args)
