"""A stand-in for AMD's xir 3.5: reads a file and describes it; aborts the process where xir does.

Names, types and order follow the binding: get_attr of a missing attribute, a missing or a bad file
are no Python exceptions. Children of a subgraph and its tensors come as sets.
"""

from __future__ import annotations

import weakref
from typing import Any, Dict, List, Optional, Set

from stand_in_device import Emulator, uni_fatal


class _WithAttrs:
    """has_attr, get_attr, get_attrs."""

    _attrs: Dict[str, Any]

    def has_attr(self, key: str) -> bool:
        return key in self._attrs

    def get_attr(self, key: str) -> Any:
        if key not in self._attrs:
            uni_fatal(
                "[XIR_UNREGISTERED_ATTR][Unregistered attribute!]",
                f"Attrs doesn't contain attribute {key}",
            )
        return _bound(self._attrs[key])

    def get_attrs(self) -> Dict[str, Any]:
        return {key: _bound(value) for key, value in self._attrs.items()}


def _bound(value: Any) -> Any:
    """Return a value as the binding does: a map of strings to bytes is not bound and gives None."""
    if isinstance(value, dict) and any(isinstance(one, bytes) for one in value.values()):
        return None
    return value


class Tensor(_WithAttrs):
    """A tensor; there is no `.shape`."""

    def __init__(self, described: Dict[str, Any], op: Op) -> None:
        self.name: str = described["name"]
        self.dims: List[int] = list(described["dims"])
        self.dtype: str = described["dtype"]
        self.producer = op
        self._attrs = described["attrs"]

    @property
    def ndim(self) -> int:
        return len(self.dims)

    def get_element_num(self) -> int:
        count = 1
        for dim in self.dims:
            count *= dim
        return count

    def get_data_size(self) -> int:
        return self.get_element_num() * int("".join(c for c in self.dtype if c.isdigit())) // 8


class Op(_WithAttrs):
    """An op."""

    def __init__(self, described: Dict[str, Any], graph: Graph) -> None:
        self._described, self._graph = described, graph
        self._attrs = described["attrs"]
        self._tensor = Tensor(described["tensor"], self)

    def get_name(self) -> str:
        return str(self._described["name"])

    def get_type(self) -> str:
        return str(self._described["type"])

    def get_input_ops(self) -> Dict[str, List[Op]]:
        return {
            arg: [self._graph.get_op(name) for name in names]
            for arg, names in self._described["args"].items()
        }

    def get_input_num(self, name: Optional[str] = None) -> int:
        args = self._described["args"]
        return len(args.get(name, [])) if name else sum(len(names) for names in args.values())

    def get_input_op(self, name: str, idx: int = 0) -> Op:
        return self.get_input_ops()[name][idx]

    def get_input_tensor(self, name: str, idx: int = 0) -> Tensor:
        return self.get_input_op(name, idx).get_output_tensor()

    def get_input_tensors(self) -> List[Tensor]:
        return [op.get_output_tensor() for ops in self.get_input_ops().values() for op in ops]

    def get_output_tensor(self) -> Tensor:
        return self._tensor

    def get_fanout_ops(self) -> List[Op]:
        return [op for op in self._graph.toposort() if self.get_name() in op._names()]

    def get_fanout_num(self) -> int:
        return len(self.get_fanout_ops())

    def _names(self) -> List[str]:
        return [name for names in self._described["args"].values() for name in names]


class Subgraph(_WithAttrs):
    """A node of the tree."""

    def __init__(self, described: Dict[str, Any], graph: Graph, parent: Optional[Subgraph]) -> None:
        self._described, self._graph, self._parent = described, graph, parent
        self._attrs = described["attrs"]
        self._children = [Subgraph(child, graph, self) for child in described["children"]]

    def __repr__(self) -> str:
        return f"<xir.Subgraph named '{self.get_name()}'>"

    @property
    def is_root(self) -> bool:
        return self._parent is None

    @property
    def is_leaf(self) -> bool:
        return not self._children

    def get_name(self) -> str:
        return str(self._described["name"])

    def get_graph(self) -> Graph:
        return self._graph

    def get_parent(self) -> Optional[Subgraph]:
        return self._parent

    def get_children(self) -> Set[Subgraph]:
        return set(self._children)

    def get_children_num(self) -> int:
        return len(self._children)

    def toposort_child_subgraph(self) -> List[Subgraph]:
        return list(self._children)

    def toposort(self) -> List[Op]:
        names = self._all_ops()
        return [op for op in self._graph.toposort() if op.get_name() in names]

    def get_ops(self) -> Set[Op]:
        return set(self.toposort())

    def get_op_num(self) -> int:
        return len(self._all_ops())

    def has_op(self, op: Any) -> bool:
        return (op if isinstance(op, str) else op.get_name()) in self._all_ops()

    def get_input_tensors(self) -> Set[Tensor]:
        names = self._all_ops()
        outside = {name for op in self.toposort() for name in op._names() if name not in names}
        return {self._graph.get_op(name).get_output_tensor() for name in outside}

    def get_output_tensors(self) -> Set[Tensor]:
        names = self._all_ops()
        return {
            op.get_output_tensor()
            for op in self.toposort()
            if op.get_type() not in ("const", "const-fix")
            and all(user.get_name() not in names for user in op.get_fanout_ops())
        }

    def _all_ops(self) -> Set[str]:
        return set(self._described["ops"]).union(*(child._all_ops() for child in self._children))


class Graph(_WithAttrs):
    """A file."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._attrs = {}
        self._ops: Dict[str, Op] = {}
        self._root = Subgraph({"name": "root", "attrs": {}, "ops": [], "children": []}, self, None)
        self.emulator: Optional[Emulator] = None

    @staticmethod
    def deserialize(fname: str) -> Graph:
        emulator = Emulator(fname)
        described = emulator.description
        if "error" in described:
            uni_fatal("[XIR_READ_PB_FAILURE][failed to read pb file]", f"file = {fname}")
        graph = Graph(described["name"])
        graph._attrs = described["attrs"]
        graph._ops = {one["name"]: Op(one, graph) for one in described["ops"]}
        graph._root = Subgraph(described["root"], graph, None)
        graph.emulator = emulator
        weakref.finalize(graph, emulator.close)
        return graph

    def get_name(self) -> str:
        return self._name

    def get_op(self, name: str) -> Op:
        return self._ops[name]

    def get_ops(self) -> Set[Op]:
        return set(self._ops.values())

    def get_op_num(self) -> int:
        return len(self._ops)

    def toposort(self) -> List[Op]:
        return list(self._ops.values())

    def get_root_subgraph(self) -> Subgraph:
        return self._root
