"""The DPU's ops by definition: loops over exact fractions, one rounding at the end."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import numpy as np


class Window(NamedTuple):
    """kernel, stride, dilation are (w, h) and pad (left, right, top, bottom), as in a file."""

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pad: tuple[int, int, int, int] = (0, 0, 0, 0)

    def out(self, height: int, width: int) -> tuple[int, int]:
        """Return how many places the kernel has."""
        left, right, top, bottom = self.pad
        reach_w = (self.kernel[0] - 1) * self.dilation[0] + 1
        reach_h = (self.kernel[1] - 1) * self.dilation[1] + 1
        rows = (height + top + bottom - reach_h) // self.stride[1] + 1
        columns = (width + left + right - reach_w) // self.stride[0] + 1
        return rows, columns

    def attrs(self) -> dict[str, list[int]]:
        """Return the op's attributes."""
        return {name: list(value) for name, value in self._asdict().items()}

    def taps(self, row: int, column: int) -> Iterator[tuple[int, int, int, int]]:
        """Yield (kernel row, kernel column, input row, input column) of one place."""
        for i, j in itertools.product(range(self.kernel[1]), range(self.kernel[0])):
            y = row * self.stride[1] + i * self.dilation[1] - self.pad[2]
            x = column * self.stride[0] + j * self.dilation[0] - self.pad[0]
            yield i, j, y, x


def power(bits: int) -> Fraction:
    """Return 2**bits exactly."""
    return Fraction(2) ** bits


def to_code(real: Fraction, fix_point: int, nonlinear: str = "NONE") -> int:
    """Apply a nonlinearity to a real value, round half up at `fix_point`, saturate."""
    if nonlinear in ("RELU", "RELU6"):
        real = max(real, Fraction(0))
    if nonlinear == "RELU6":
        real = min(real, Fraction(6))
    if nonlinear == "LEAKYRELU" and real < 0:
        real *= Fraction(26, 256)
    return min(max(math.floor(real * power(fix_point) + Fraction(1, 2)), -128), 127)


def convolve(
    x: np.ndarray,
    weights: np.ndarray,
    bias: np.ndarray | None,
    fixes: tuple[int, int, int, int],
    window: Window,
    nonlinear: str = "NONE",
    depthwise: bool = False,
) -> np.ndarray:
    """Convolve; `fixes` are those of input, weights, bias, output."""
    fix_in, fix_weights, fix_bias, fix_out = fixes
    n, height, width, channels = x.shape
    rows, columns = window.out(height, width)
    outputs = channels if depthwise else len(weights)
    result = np.zeros((n, rows, columns, outputs), np.int8)
    for image, row, column, o in np.ndindex(*result.shape):
        total = 0
        for i, j, y, z in window.taps(row, column):
            if not (0 <= y < height and 0 <= z < width):
                continue
            if depthwise:
                total += int(x[image, y, z, o]) * int(weights[0, i, j, o])
            else:
                total += sum(int(a) * int(b) for a, b in zip(x[image, y, z], weights[o, i, j]))
        real = total * power(-fix_in - fix_weights)
        if bias is not None:
            real += int(bias[o]) * power(-fix_bias)
        result[image, row, column, o] = to_code(real, fix_out, nonlinear)
    return result


def pool(
    x: np.ndarray, kind: str, fixes: tuple[int, int], window: Window, factor: Fraction
) -> np.ndarray:
    """Pool; an average is the sum times `factor`, padding counting as zero."""
    n, height, width, channels = x.shape
    result = np.zeros((n, *window.out(height, width), channels), np.int8)
    for image, row, column, c in np.ndindex(*result.shape):
        inside = [
            int(x[image, y, z, c])
            for _, _, y, z in window.taps(row, column)
            if 0 <= y < height and 0 <= z < width
        ]
        total = Fraction(max(inside, default=-128)) if kind == "MAX" else sum(inside) * factor
        result[image, row, column, c] = to_code(total * power(-fixes[0]), fixes[1])
    return result


def eltwise(
    inputs: list[np.ndarray], kind: str, fix_in: list[int], fix_out: int, nonlinear: str = "NONE"
) -> np.ndarray:
    """Add or multiply."""
    result = np.zeros(inputs[0].shape, np.int8)
    for place in np.ndindex(*result.shape):
        reals = [int(x[place]) * power(-fix) for x, fix in zip(inputs, fix_in)]
        real = sum(reals, Fraction(0)) if kind == "ADD" else math.prod(reals, start=Fraction(1))
        result[place] = to_code(real, fix_out, nonlinear)
    return result
