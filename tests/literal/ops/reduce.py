"""Maxima: where they are (argmax-fix) and what they are (reduction_max-fix)."""

from __future__ import annotations

import itertools

from tests.literal.ops.move import rescaled
from tests.literal.ops.rounding import saturate
from tests.literal.ops.tensor import Args, Node, check, dims_of, pick


def argmax_fix(op: Node, args: Args) -> list[int]:
    """Return the index of the first maximum along `axis`, at most 127; it has no fix point."""
    x = args["input"][0]
    axis = op["attrs"]["axis"] % len(x.dims)
    dropped = x.dims[:axis] + x.dims[axis + 1 :]
    if dims_of(op) != dropped:
        check(op, "dims", (*x.dims[:axis], 1, *x.dims[axis + 1 :]), dims_of(op))
    result = []
    for index in itertools.product(*map(range, dropped)):
        places = [*([i] for i in index[:axis]), range(x.dims[axis]), *([i] for i in index[axis:])]
        line = pick(x, places)
        result.append(saturate(line.index(max(line))))
    return result


def reduction_max_fix(op: Node, args: Args) -> list[int]:
    """Return the maximum over the axes in `axis`, which stay with size 1 if `keep_dims`."""
    x, attrs = args["input"][0], op["attrs"]
    axes = {axis % len(x.dims) for axis in attrs["axis"]}
    kept = tuple(1 if axis in axes else size for axis, size in enumerate(x.dims))
    dropped = tuple(size for axis, size in enumerate(x.dims) if axis not in axes)
    check(op, "dims", kept if attrs.get("keep_dims", False) else dropped, dims_of(op))
    result = []
    for index in itertools.product(*map(range, kept)):
        places = [
            range(size) if axis in axes else [i]
            for axis, (size, i) in enumerate(zip(x.dims, index, strict=True))
        ]
        result.append(max(pick(x, places)))
    return rescaled(op, result, x.fix_point)
