"""Operations that hand codes on, join, pad or cut them; a change of fix point rounds once."""

from __future__ import annotations

import math

from tests.literal.ops.rounding import finish
from tests.literal.ops.tensor import Args, Node, check, dims_of, fix_point_of, pick


def identity(op: Node, args: Args) -> list[int]:
    """Pass the codes on: upload, download and reshape-fix."""
    x = args["input"][0]
    check(op, "fix_point", x.fix_point, fix_point_of(op))
    return x.values


def concat_fix(op: Node, args: Args) -> list[int]:
    """Join the inputs along `axis`, each code brought to the output's fix point.

    Assumed: the rounding where the fix points differ; the tools make them equal. A run of such
    an op on the board would settle it.
    """
    dims = dims_of(op)
    axis = op["attrs"]["axis"] % len(dims)
    for x in args["input"]:
        others = x.dims[:axis] + x.dims[axis + 1 :]
        check(op, "dims off the axis", dims[:axis] + dims[axis + 1 :], others)
    result = []
    for outer in range(math.prod(dims[:axis])):
        for x in args["input"]:
            run_length = math.prod(x.dims[axis:])
            codes = x.values[outer * run_length : (outer + 1) * run_length]
            result += rescaled(op, codes, x.fix_point)
    return result


def pad_fix(op: Node, args: Args) -> list[int]:
    """Put zeros or a mirror image around the input; `paddings` are before, behind of each axis."""
    x, attrs = args["input"][0], op["attrs"]
    paddings, mode = attrs["paddings"], attrs.get("mode", "CONSTANT")
    check(op, "number of paddings", 2 * len(x.dims), len(paddings))
    places = [
        [_mirrored(op, i, size, mode) for i in range(-before, size + behind)]
        for size, before, behind in zip(x.dims, paddings[::2], paddings[1::2], strict=True)
    ]
    check(op, "dims", tuple(map(len, places)), dims_of(op))
    return rescaled(op, pick(x, places), x.fix_point)


def strided_slice_fix(op: Node, args: Args) -> list[int]:
    """Take begin:end:stride of every axis, as Python slices do."""
    x, attrs = args["input"][0], op["attrs"]
    bounds = zip(attrs["begin"], attrs["end"], attrs["strides"], x.dims, strict=True)
    places = [range(size)[begin:end:step] for begin, end, step, size in bounds]
    check(op, "dims", tuple(map(len, places)), dims_of(op))
    return rescaled(op, pick(x, places), x.fix_point)


def const_fix(op: Node, registers: dict[str, bytes]) -> list[int]:
    """Read a constant: its own `data` if it has any, else plain int8 out of its register."""
    size = math.prod(dims_of(op))
    data = op["attrs"].get("data") or b""
    if not data:
        register, at = f"REG_{op['tensor']['attrs']['reg_id']}", op["tensor"]["attrs"]["ddr_addr"]
        if register not in registers or at < 0:
            raise ValueError(f"{op['name']}: constant must be in the file, got {register} at {at}")
        data = registers[register][at : at + size]
    check(op, "bytes", size, len(data))
    return list(memoryview(data).cast("b"))


def rescaled(op: Node, codes: list[int], fix_point: int) -> list[int]:
    """Bring codes from a fix point to that of the op's output."""
    return [finish(code, fix_point - fix_point_of(op)) for code in codes]


def _mirrored(op: Node, i: int, size: int, mode: str) -> int | None:
    """Return the place inside that index i stands for, None where it is padding of zeros."""
    if 0 <= i < size:
        return i
    if mode == "CONSTANT":
        return None
    if mode not in ("REFLECT", "SYMMETRIC"):
        rule = "pad mode must be CONSTANT, REFLECT or SYMMETRIC"
        raise NotImplementedError(f"{op['name']}: {rule}, got {mode}")
    again = 1 if mode == "SYMMETRIC" else 0  # the edge itself is repeated once
    check(op, "room to reflect in", True, size + again > 1)
    while not 0 <= i < size:  # a wide padding is reflected at the other edge as well
        i = -i - again if i < 0 else 2 * (size - 1) - i + again
    return i
