"""Graph, Op, Tensor, Subgraph: the one representation of a network, in XIR's vocabulary.

Every op makes one tensor and is named in its consumers' `args`, as in an .xmodel file. The same
graph flows from Keras through folding, quantization and compilation to the file; the emulator
executes it and the reader makes it. numpy and the standard library only.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from target.errors import ModelError


@dataclasses.dataclass
class Tensor:
    """The output of an op.

    Attributes:
        name: Usually the op's; `quant_conv1_fix` and the like in AMD's files.
        dims: NHWC with batch 1 in front; weights (oc, kh, kw, ic), bias (oc,).
        dtype: XIR's name in lower case: `xint8`, `float32`.
        attrs: fix_point, bit_width, if_signed, round_mode; after compilation also reg_id, ddr_addr,
            location, stride.
    """

    name: str
    dims: tuple[int, ...]
    dtype: str = "float32"
    attrs: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def fix_point(self) -> int:
        """Bits after the binary point.

        Raises:
            ModelError: If the tensor has none, or one that is not an integer.
        """
        found = self.attrs.get("fix_point")
        if not isinstance(found, int):
            raise ModelError(
                f"tensor '{self.name}' must have an integer fix_point, got {found}; quantize first"
            )
        return found


@dataclasses.dataclass
class Op:
    """One operation.

    Attributes:
        name: Unique in the graph.
        type: Exactly as in the file: `conv2d`, `conv2d-fix`, `pool-fix`, `upload`, ...
        tensor: What it makes.
        args: Argument name (`input`, `weights`, `bias`) to the names of the producing ops.
        attrs: XIR's attributes; `kernel`, `stride`, `dilation` are [w, h], `pad` is [l, r, t, b].
        data: Values of a constant: float32 for `const`, int8 for `const-fix`; else None.
    """

    name: str
    type: str
    tensor: Tensor
    args: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    attrs: dict[str, Any] = dataclasses.field(default_factory=dict)
    data: np.ndarray | None = None

    @property
    def input_names(self) -> list[str]:
        """Names of all producing ops, in argument order."""
        return [name for names in self.args.values() for name in names]


@dataclasses.dataclass
class Subgraph:
    """A node of the subgraph tree; leaves list op names."""

    name: str
    attrs: dict[str, Any] = dataclasses.field(default_factory=dict)
    ops: list[str] = dataclasses.field(default_factory=list)
    children: list[Subgraph] = dataclasses.field(default_factory=list)

    @property
    def device(self) -> str:
        """`USER`, `DPU`, `CPU`, or empty."""
        return str(self.attrs.get("device", "")).upper()

    def all_ops(self) -> list[str]:
        """Names of the ops of this node and all below it."""
        return self.ops + [name for child in self.children for name in child.all_ops()]


class Graph:
    """Ops in topological order, the subgraph tree, attributes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.attrs: dict[str, Any] = {}
        self.root: Subgraph | None = None
        self._ops: dict[str, Op] = {}

    def __iter__(self) -> Iterator[Op]:
        return iter(list(self._ops.values()))

    def __len__(self) -> int:
        return len(self._ops)

    def __contains__(self, name: str) -> bool:
        return name in self._ops

    def op(self, name: str) -> Op:
        """Return an op by name.

        Raises:
            ModelError: If there is none.
        """
        if name not in self._ops:
            raise ModelError(f"op '{name}' must be in graph '{self.name}', got none of that name")
        return self._ops[name]

    def add(self, op: Op, before: str | None = None) -> Op:
        """Add an op at the end, or before another one.

        Raises:
            ModelError: If its name is taken or one of its inputs is not there.
        """
        if op.name in self._ops:
            raise ModelError(
                f"op names must be unique, got '{op.name}' twice in graph '{self.name}'"
            )
        for name in op.input_names:
            self.op(name)
        if before is None:
            self._ops[op.name] = op
            return op
        self.op(before)
        items = list(self._ops.items())
        place = next(index for index, (name, _) in enumerate(items) if name == before)
        self._ops = dict([*items[:place], (op.name, op), *items[place:]])
        return op

    def remove(self, name: str) -> None:
        """Remove an op that nobody uses, and the constants that only it used."""
        users = self.consumers(name)
        if users:
            raise ModelError(
                f"op '{name}' must be unused to be removed, got user '{users[0].name}'"
            )
        op = self._ops.pop(name)
        for source in op.input_names:
            if (
                source in self._ops
                and self.op(source).data is not None
                and not self.consumers(source)
            ):
                del self._ops[source]

    def consumers(self, name: str) -> list[Op]:
        """Return the ops that use an op's tensor, in order."""
        return [op for op in self._ops.values() if name in op.input_names]

    def inputs(self, op: Op, arg: str = "input") -> list[Op]:
        """Return the producers of an argument; an empty list if the op has no such argument."""
        return [self.op(name) for name in op.args.get(arg, [])]

    def input(self, op: Op, arg: str = "input") -> Op:
        """Return the only producer of an argument.

        Raises:
            ModelError: If there is not exactly one.
        """
        names = op.args.get(arg, [])
        if len(names) != 1:
            raise ModelError(f"op '{op.name}' must have one '{arg}', got {len(names)}")
        return self.op(names[0])

    def data_of(self, op: Op, arg: str) -> np.ndarray:
        """Return the values of a constant argument.

        Raises:
            ModelError: If it is not a constant with values.
        """
        source = self.input(op, arg)
        if source.data is None:
            raise ModelError(f"'{arg}' of op '{op.name}' must be a constant with data, got none")
        return source.data

    def redirect(self, old: str, new: str, keep: tuple[str, ...] = ()) -> None:
        """Make every consumer of `old`, except those named in `keep`, use `new` instead."""
        for op in self._ops.values():
            if op.name in keep:
                continue
            for arg, names in op.args.items():
                op.args[arg] = [new if name == old else name for name in names]

    def sort(self) -> None:
        """Put the ops into topological order, keeping the present order where it is free.

        An op that stands before one of its inputs stays; the input is moved in front of it.

        Raises:
            ModelError: If the graph has a cycle.
        """
        done: dict[str, Op] = {}
        for name in self._ops:
            path = [name]  # each waits for the next one
            while path:
                op = self.op(path[-1])
                missing = next((source for source in op.input_names if source not in done), None)
                if missing is None:
                    done[path.pop()] = op
                elif missing in path:
                    raise ModelError(
                        f"graph '{self.name}' must have no cycle, got one through '{missing}'"
                    )
                else:
                    path.append(missing)
        self._ops = done

    def of_type(self, *types: str) -> list[Op]:
        """Return the ops of the given types, in order."""
        return [op for op in self._ops.values() if op.type in types]

    def outputs(self) -> list[Op]:
        """Return the ops whose tensors nobody uses, constants excepted."""
        used = {name for op in self._ops.values() for name in op.input_names}
        return [op for op in self._ops.values() if op.name not in used and op.data is None]

    def copy(self) -> Graph:
        """Return an independent copy; constant arrays are shared until replaced."""
        twin = Graph(self.name)
        twin.attrs = copy.deepcopy(self.attrs)
        twin.root = copy.deepcopy(self.root)
        for op in self._ops.values():
            tensor = dataclasses.replace(op.tensor, attrs=copy.deepcopy(op.tensor.attrs))
            twin._ops[op.name] = Op(
                op.name,
                op.type,
                tensor,
                {arg: list(names) for arg, names in op.args.items()},
                copy.deepcopy(op.attrs),
                op.data,
            )
        return twin

    def subgraphs(self, device: str | None = None) -> list[Subgraph]:
        """Return the children of the root in order, all or those of one device."""
        children = self.root.children if self.root else []
        return [child for child in children if device is None or child.device == device]


def const(name: str, data: np.ndarray) -> Op:
    """Return a float constant op."""
    values = np.asarray(data, dtype=np.float32)
    return Op(name, "const", Tensor(name, values.shape), {}, {}, values)
