"""Which input positions lie under a kernel."""

from __future__ import annotations

from tests.literal.ops.tensor import Node, Tensor, check, dims_of


def taps(op: Node, x: Tensor, axis: str, position: int) -> list[tuple[int, int]]:
    """Return (kernel tap, input position) wherever the kernel lies on the input, not on padding.

    Args:
        op: An op with kernel, stride and dilation [w, h] and pad [left, right, top, bottom].
        x: Its input (1, h, w, c).
        axis: "h" or "w".
        position: The output row or column.
    """
    size, kernel, stride, dilation, (before, _) = _along(op, x, axis)
    first = position * stride - before
    at = [(tap, first + tap * dilation) for tap in range(kernel)]
    return [(tap, i) for tap, i in at if 0 <= i < size]


def transposed_taps(op: Node, x: Tensor, axis: str, position: int) -> list[tuple[int, int]]:
    """Return (kernel tap, input position) for a transposed convolution.

    The kernel moves one step at a time over the input with stride - 1 zeros between neighbours, so
    input i lies at i * stride; kernel - 1 - pad zeros lie before it (its edge is cut if negative).
    """
    size, kernel, stride, dilation, (before, _) = _along(op, x, axis)
    first = position - (kernel - 1 - before)
    at = [(tap, first + tap * dilation) for tap in range(kernel)]
    return [(tap, i // stride) for tap, i in at if i % stride == 0 and 0 <= i // stride < size]


def check_transposed(op: Node, x: Tensor) -> None:
    """Check the height and width of a transposed convolution's output.

    Raises:
        ValueError: If they do not follow from its attributes.
    """
    for axis, got in (("height", dims_of(op)[1]), ("width", dims_of(op)[2])):
        size, kernel, stride, dilation, pads = _along(op, x, axis[0])
        check(op, axis, (size - 1) * stride + dilation * (kernel - 1) + 1 - sum(pads), got)


def _along(op: Node, x: Tensor, axis: str) -> tuple[int, int, int, int, tuple[int, int]]:
    """Return input size, kernel, stride, dilation and (pad before, behind) along "h" or "w"."""
    attrs = op["attrs"]
    wh, size = (1, x.dims[1]) if axis == "h" else (0, x.dims[2])
    before, behind = attrs.get("pad", [0, 0, 0, 0])[2 * wh : 2 * wh + 2]
    dilation = attrs.get("dilation", [1, 1])[wh]
    return size, attrs["kernel"][wh], attrs["stride"][wh], dilation, (before, behind)
