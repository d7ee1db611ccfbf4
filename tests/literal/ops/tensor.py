"""Tensors of codes, what the file says about an op's output, and picking values by index."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Node = dict[str, Any]  # an op or a subgraph as wire.read_graph returns it


@dataclass(frozen=True)
class Tensor:
    """Codes of one feature map or constant; the real value of a code is code / 2**fix_point."""

    dims: tuple[int, ...]
    values: list[int]
    fix_point: int


Args = dict[str, list[Tensor]]  # argument name -> tensors, as `args` of an op names their producers


def dims_of(op: Node) -> tuple[int, ...]:
    """Return the dims of the op's output tensor as the file gives them."""
    return tuple(op["tensor"]["dims"])


def fix_point_of(op: Node) -> int:
    """Return the fix point of the op's output tensor."""
    fix_point: int = op["tensor"]["attrs"]["fix_point"]
    return fix_point


def check(op: Node, what: str, rule: object, got: object) -> None:
    """Raise ValueError unless `got` equals `rule`."""
    if rule != got:
        raise ValueError(f"{op['name']}: {what} must be {rule}, got {got}")


def pick(x: Tensor, places: Sequence[Sequence[int | None]]) -> list[int]:
    """Return the values at every combination of places, the last axis fastest.

    Args:
        x: Where they are taken from.
        places: For each axis the indices wanted, in order; None means a zero instead.
    """
    result = []
    for index in itertools.product(*places):
        at = 0
        for i, size in zip(index, x.dims, strict=True):
            at = at * size + (i or 0)
        result.append(0 if None in index else x.values[at])
    return result
