"""What an op's function gets: the op, its input tensors and their values."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from host.graph.graph import Op, Tensor
from target.errors import ModelError

MAX_FIX_POINT = 126  # of what float32 can hold


@dataclasses.dataclass(frozen=True)
class Call:
    """One execution of one op.

    Attributes:
        op: The op.
        tensors: Descriptions of the inputs, by argument name.
        values: Values of the inputs, by argument name; activations have the batch in front.
        cache: Lives as long as the emulator; for what depends on constants alone.
    """

    op: Op
    tensors: dict[str, list[Tensor]]
    values: dict[str, list[np.ndarray]]
    cache: dict[str, Any]

    def value(self, arg: str = "input") -> np.ndarray:
        """Return the only value of an argument."""
        return np.asarray(self._only(self.values, arg))

    def tensor(self, arg: str = "input") -> Tensor:
        """Return the only tensor of an argument."""
        found: Tensor = self._only(self.tensors, arg)
        return found

    def real(self) -> np.ndarray:
        """Return the input as float32.

        Raises:
            ModelError: If it is codes.
        """
        value = self.value()
        if value.dtype == np.int8:
            raise ModelError(f"input of op '{self.op.name}' must be real values, got codes")
        return value.astype(np.float32, copy=False)

    def vector(self, arg: str, count: int) -> np.ndarray:
        """Return an argument that has one value a channel.

        Raises:
            ModelError: If its shape is another one.
        """
        value = self.value(arg)
        if value.shape != (count,):
            raise ModelError(
                f"{arg} of op '{self.op.name}' must have {count} values, got {list(value.shape)}"
            )
        return value

    def has(self, arg: str) -> bool:
        """Say whether the op has this argument."""
        return bool(self.values.get(arg))

    def once(self, key: str, make: Callable[[], Any]) -> Any:
        """Return a value that is made at the first execution only."""
        if key not in self.cache:
            self.cache[key] = make()
        return self.cache[key]

    def attr(self, key: str, default: Any = None) -> Any:
        """Return an attribute of the op.

        Raises:
            ModelError: If it is missing and has no default.
        """
        found = self.op.attrs.get(key, default)
        if found is None:
            raise ModelError(
                f"op '{self.op.name}' ({self.op.type}) must have attribute '{key}', got none"
            )
        return found

    def integer(self, key: str, default: int | None = None) -> int:
        """Return an attribute that is an integer.

        Raises:
            ModelError: If it is missing and has no default, or is something else.
        """
        found = self.attr(key, default)
        if not isinstance(found, int):
            raise ModelError(f"{key} of op '{self.op.name}' must be an integer, got {found!r}")
        return found

    def fix_point(self) -> int:
        """Return attribute `fix_point`.

        Raises:
            ModelError: If it is missing or absurd.
        """
        found = self.integer("fix_point")
        if abs(found) > MAX_FIX_POINT:
            raise ModelError(
                f"fix_point of op '{self.op.name}' must be within +-{MAX_FIX_POINT}, got {found}"
            )
        return found

    def integers(self, key: str, default: list[int] | None = None) -> list[int]:
        """Return an attribute that is a list of integers.

        Raises:
            ModelError: If it is missing and has no default, or is something else.
        """
        found = self.attr(key, default)
        if not isinstance(found, (list, tuple)) or not all(isinstance(i, int) for i in found):
            raise ModelError(
                f"{key} of op '{self.op.name}' must be a list of integers, got {found!r}"
            )
        return list(found)

    def shaped(self, value: np.ndarray) -> np.ndarray:
        """Give a value the op's declared dims behind the batch.

        Raises:
            ModelError: If the number of elements is another one.
        """
        dims = self.op.tensor.dims[1:]
        if not value.ndim or value.size != len(value) * int(np.prod(dims, dtype=np.int64)):
            raise ModelError(
                f"tensor of op '{self.op.name}' must have dims {list(self.op.tensor.dims)},"
                f" got {list(value.shape)} from its inputs"
            )
        return value.reshape(len(value), *dims)

    def _only(self, source: dict[str, list[Any]], arg: str) -> Any:
        found = source.get(arg, [])
        if len(found) != 1:
            raise ModelError(f"op '{self.op.name}' must have one '{arg}', got {len(found)}")
        return found[0]
