"""Two runs of networks that should agree: which tensor differs first, and by how much."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np

from host.graph.graph import Graph, Op


@dataclasses.dataclass(frozen=True)
class Difference:
    """How a tensor of one network compares with that of the other.

    Attributes:
        tensor: Its name in the first network.
        other: Its name in the second.
        kind: `codes` if both are quantized at the same fix point, else `real`.
        largest: Largest difference: of codes, or of real values; None if it is no number.
        count: How many values differ (real: by more than half a code, where one of them has codes, and
            by more than 1e-5 of the largest value where none has).
        values: How many there are.
        first: Place of the first one that differs, the image in front; None if none does.
        snr_db: Energy of the first network's values over that of the difference; None if equal or if
            something is no number.
    """

    tensor: str
    other: str
    kind: str
    largest: float | None
    count: int
    values: int
    first: tuple[int, ...] | None
    snr_db: float | None

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return dataclasses.asdict(self)


def plain_name(name: str) -> str:
    """Return a tensor's name without what the tools add.

    >>> plain_name("quant_conv1_relu_fix_download_0"), plain_name("conv1_relu")
    ('conv1_relu', 'conv1_relu')
    """
    name = re.sub(r"_(upload|download)_\d+$", "", name)
    name = re.sub(r"\((\w+)\)$", "", name)
    return re.sub(r"_fix$", "", name).removeprefix("quant_")


def named_values(graph: Graph, values: dict[str, np.ndarray]) -> dict[str, tuple[Op, np.ndarray]]:
    """Return what a run gave, by plain name, the last op of a name winning; constants left out.

    Of a network that is quantized only what is quantized, and its outputs.
    """
    outputs = {op.name for op in graph.outputs()}
    quantized = any(_fix_point(op) is not None for op in graph)
    return {
        plain_name(op.tensor.name): (op, values[op.tensor.name])
        for op in graph
        if op.data is None
        and op.tensor.name in values
        and (not quantized or _fix_point(op) is not None or op.name in outputs)
    }


def pair_outputs(first: Graph, second: Graph) -> dict[str, str]:
    """Return the second network's name of each of the first's outputs that it calls otherwise.

    Outputs without a namesake are paired by place, if both networks have as many of them.
    """
    names = [[plain_name(op.tensor.name) for op in graph.outputs()] for graph in (first, second)]
    alone = [[name for name in names[i] if name not in names[1 - i]] for i in (0, 1)]
    return dict(zip(*alone)) if len(alone[0]) == len(alone[1]) else {}


def find_unmatched(
    graphs: tuple[Graph, Graph], values: tuple[dict[str, Any], dict[str, Any]]
) -> list[str]:
    """Return what was not compared though it should be: outputs, and tensors of other sizes.

    Args:
        graphs: Both networks.
        values: Of each, from named_values, the outputs named alike.
    """
    found = [
        f"tensor '{name}' has {one.size:,} values and {values[1][name][1].size:,}"
        for name, (_, one) in values[0].items()
        if name in values[1] and values[1][name][1].size != one.size
    ]
    for index, word in enumerate(("first", "second")):
        for op in graphs[index].outputs():
            name = plain_name(op.tensor.name)
            if not any(name in one and name in other for one, other in [values]):
                found.append(f"output '{op.tensor.name}' of the {word} network has no counterpart")
    return found


def compare(
    first: dict[str, tuple[Op, np.ndarray]], second: dict[str, tuple[Op, np.ndarray]]
) -> list[Difference]:
    """Compare the tensors that both networks have, in the first one's order.

    Args:
        first: From named_values.
        second: Likewise; tensors are matched by name, and must have as many values.
    """
    found = []
    for name, (op, values) in first.items():
        other = second.get(name)
        if other is not None and other[1].size == values.size:
            found.append(_difference(op, values, *other))
    return found


def _difference(op: Op, values: np.ndarray, other: Op, expected: np.ndarray) -> Difference:
    expected = expected.reshape(values.shape)
    fixes = _fix_point(op), _fix_point(other)
    a, b = _real(values, fixes[0]), _real(expected, fixes[1])
    if fixes[0] is not None and fixes[0] == fixes[1]:
        kind, half = "codes", 0.0
        a, b = np.ldexp(a, fixes[0]), np.ldexp(b, fixes[0])
    else:
        kind = "real"
        halves = [2.0 ** (-fix - 1) for fix in fixes if fix is not None]
        half = max(halves, default=1e-5 * _largest(b))
    with np.errstate(invalid="ignore"):
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        gap = np.where(same, 0.0, np.abs(a - b))
    wrong = ~(gap <= half)  # also what is no number in one of them
    place = np.argwhere(wrong)[0] if wrong.any() else None
    power, noise = float((a * a).sum()), float((gap * gap).sum())
    known = noise > 0 and np.isfinite(power) and np.isfinite(noise)
    snr = 10 * float(np.log10(max(power, 1e-30) / noise)) if known else None
    largest = float(gap.max(initial=0.0))
    return Difference(
        op.tensor.name,
        other.tensor.name,
        kind,
        largest if np.isfinite(largest) else None,
        int(wrong.sum()),
        int(wrong.size),
        None if place is None else tuple(int(index) for index in place),
        snr,
    )


def _largest(values: np.ndarray) -> float:
    return float(np.abs(values[np.isfinite(values)]).max(initial=0.0))


def _fix_point(op: Op) -> int | None:
    if op.type not in ("fix", "data") and op.tensor.dtype.startswith("float"):
        return None
    found = op.attrs.get("fix_point") if op.type == "fix" else op.tensor.attrs.get("fix_point")
    return found if isinstance(found, int) else None


def _real(values: np.ndarray, fix_point: int | None) -> np.ndarray:
    """Return codes as real values, real values as they are; a fix op makes the latter."""
    wide = values.astype(np.float64)
    codes = values.dtype == np.int8 and fix_point is not None
    return np.ldexp(wide, -fix_point) if codes and fix_point is not None else wide
