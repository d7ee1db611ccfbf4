"""What a converter gets: one use of one Keras layer, and how it adds to the graph."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from host.graph.graph import Graph, Op, Tensor, const
from target.errors import ModelError


@dataclasses.dataclass(frozen=True)
class LayerCall:
    """One use of one layer.

    Attributes:
        graph: Being built.
        layer: The Keras layer, built, with its weights.
        name: Of the op to make: the layer's, unless it is used more than once.
        sources: Names of the ops that make its inputs.
    """

    graph: Graph
    layer: Any
    name: str
    sources: list[str]

    @property
    def dims_in(self) -> tuple[int, ...]:
        """Dims of the first input, batch 1 in front."""
        return self.graph.op(self.sources[0]).tensor.dims

    def dims_out(self) -> tuple[int, ...]:
        """Return the dims of the output as Keras infers them."""
        shapes = [self.graph.op(source).tensor.dims for source in self.sources]
        shape = self.layer.compute_output_shape(shapes if len(shapes) > 1 else shapes[0])
        return tuple(int(size) for size in shape)

    def add(
        self,
        kind: str,
        attrs: dict[str, Any] | None = None,
        *,
        dims: tuple[int, ...] | None = None,
        **args: list[str],
    ) -> str:
        """Add the op of this layer; returns its name.

        Args:
            kind: XIR's type.
            attrs: XIR's attributes.
            dims: If Keras's inference does not apply.
            args: Further inputs by argument name, such as `weights`.
        """
        made = dims or self.dims_out()
        attrs = {"__keras": type(self.layer).__name__, **(attrs or {})}
        op = Op(self.name, kind, Tensor(self.name, made), {"input": list(self.sources)}, attrs)
        op.args.update(args)
        return self.graph.add(op).name

    def constant(self, role: str, values: np.ndarray) -> list[str]:
        """Add a constant `<op>/<role>`; returns its name as an argument."""
        return [self.graph.add(const(f"{self.name}/{role}", np.asarray(values))).name]

    def behind(self, kind: str, name: str, source: str, attrs: dict[str, Any]) -> str:
        """Add an op of one input and the same dims behind another one; returns its name."""
        tensor = Tensor(name, self.graph.op(source).tensor.dims)
        return self.graph.add(Op(name, kind, tensor, {"input": [source]}, attrs)).name

    def refuse(self, what: str, rule: str, got: Any) -> ModelError:
        """Return the error for an option that no DPU tool takes."""
        return ModelError(f"{what} of layer '{self.layer.name}' must be {rule}, got {got}")

    def check_last_axis(self) -> None:
        """Check that `axis` of the layer is its last one.

        Raises:
            ModelError: If not.
        """
        axis, rank = self.layer.axis, len(self.dims_in)
        axis = axis[0] if isinstance(axis, (list, tuple)) and len(axis) == 1 else axis
        if axis not in (-1, rank - 1):
            raise self.refuse("axis", "the last one", axis)
