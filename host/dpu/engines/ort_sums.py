"""Sums, products and concatenations of codes as ONNX ops on int32; part of host/dpu/engines/ort_graph.py.

Exact by construction: codes are shifted left until all have the same finest unit, added or multiplied as
integers, and rounded half up by a division that never sees a negative number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from host.dpu.engines.base import Unsupported
from host.graph.graph import Op

if TYPE_CHECKING:
    from host.dpu.engines.ort_graph import OnnxBuilder, Wire

INT32, UINT8 = 6, 2  # of onnx.TensorProto
_MAX_BITS = 30
_NCHW = {1: 2, 2: 3, 3: 1}  # axis of NHWC -> axis of NCHW


def eltwise(builder: OnnxBuilder, op: Op) -> tuple[str, int]:
    """Add the nodes of an eltwise-fix.

    Returns:
        The ONNX tensor of its codes, and what stands for code 0 there.

    Raises:
        Unsupported: If the numbers do not fit 31 bits, or the nonlinearity is another one.
    """
    nonlinear = op.attrs.get("nonlinear", "NONE")
    sources = builder.sources(op)
    if nonlinear not in ("NONE", "RELU") or op.attrs.get("type", "ADD") not in ("ADD", "MUL"):
        raise Unsupported(f"op '{op.name}' must be a sum or product with NONE or RELU")
    codes = [_as_int32(builder, op, wire, number) for number, wire in enumerate(sources)]
    fixes = [wire.op.tensor.fix_point for wire in sources]
    if op.attrs.get("type", "ADD") == "MUL":
        total, right = codes[0], sum(fixes) - op.tensor.fix_point
        for number, other in enumerate(codes[1:]):
            total = builder.node("Mul", [total, other], op, f"x{number}")
        bits = 7.0 * len(codes) + max(-right, 0)
    else:
        finest = max(*fixes, op.tensor.fix_point)
        right = finest - op.tensor.fix_point
        moved = [
            _shifted(builder, op, code, (finest - fix, number))
            for number, (code, fix) in enumerate(zip(codes, fixes))
        ]
        total = moved[0]
        for number, other in enumerate(moved[1:]):
            total = builder.node("Add", [total, other], op, f"+{number}")
        bits = 7 + np.log2(sum(2.0 ** (finest - fix) for fix in fixes))
    if bits > _MAX_BITS - 2:
        raise Unsupported(f"numbers of op '{op.name}' must fit {_MAX_BITS} bits, got {bits:.0f}")
    return _finish(builder, op, total, right)


def concat(builder: OnnxBuilder, op: Op) -> tuple[str, int]:
    """Add the nodes of a concat-fix whose inputs all have its fix point.

    Raises:
        Unsupported: If one has another fix point.
    """
    sources = builder.sources(op)
    if any(wire.op.tensor.fix_point != op.tensor.fix_point for wire in sources):
        raise Unsupported(f"inputs of op '{op.name}' must have its fix point")
    zero = 0 if all(wire.zero == 0 for wire in sources) else 128
    names = [
        wire.name if wire.zero == zero else _lifted(builder, op, wire, number)
        for number, wire in enumerate(sources)
    ]
    rank, axis = len(op.tensor.dims), int(op.attrs["axis"])
    axis += rank if axis < 0 else 0
    return builder.node("Concat", names, op, axis=_NCHW[axis] if rank == 4 else axis), zero


def _as_int32(builder: OnnxBuilder, op: Op, wire: Wire, number: int) -> str:
    wide = builder.node("Cast", [wire.name], op, f"in{number}", to=INT32)
    if wire.zero == 0:
        return wide
    zero = builder.constant("i128", np.int32(128))
    return builder.node("Sub", [wide, zero], op, f"in{number}")


def _lifted(builder: OnnxBuilder, op: Op, wire: Wire, number: int) -> str:
    """Bring codes whose 0 is 0 to those whose 0 is 128."""
    wide = builder.node("Cast", [wire.name], op, f"up{number}", to=INT32)
    lifted = builder.node("Add", [wide, builder.constant("i128", np.int32(128))], op, f"up{number}")
    return builder.node("Cast", [lifted], op, f"lifted{number}", to=UINT8)


def _shifted(builder: OnnxBuilder, op: Op, codes: str, by: tuple[int, int]) -> str:
    bits, number = by
    if bits == 0:
        return codes
    if bits > _MAX_BITS - 8:
        raise Unsupported(f"inputs of op '{op.name}' must be nearer to each other, got {bits} bits")
    factor = builder.constant(f"i2**{bits}", np.int32(1 << bits))
    return builder.node("Mul", [codes, factor], op, f"shift{number}")


def _finish(builder: OnnxBuilder, op: Op, total: str, right: int) -> tuple[str, int]:
    """Shift right by `right` bits, rounded half up, saturate."""
    if op.attrs.get("nonlinear", "NONE") == "RELU":
        total = builder.node("Max", [total, builder.constant("i0", np.int32(0))], op, "relu")
    if right < 0:
        total = _shifted(builder, op, total, (-right, 99))
    elif right > 0:
        if right > _MAX_BITS - 2:
            raise Unsupported(
                f"shift of op '{op.name}' must be at most {_MAX_BITS - 2}, got {right}"
            )
        # A multiple of 2**right makes it non-negative, and comes off again behind the division.
        lift = (1 << (_MAX_BITS - 1)) >> right
        offset = (lift << right) + (1 << (right - 1))
        lifted = [total, builder.constant(f"i{offset}", np.int32(offset))]
        total = builder.node("Add", lifted, op, "lift")
        unit = builder.constant(f"i2**{right}", np.int32(1 << right))
        total = builder.node("Div", [total, unit], op)
        total = builder.node(
            "Sub", [total, builder.constant(f"i{lift}", np.int32(lift))], op, "drop"
        )
    limits = [builder.constant(f"i{limit}", np.int32(limit)) for limit in (-128, 127)]
    clipped = builder.node("Clip", [total, *limits], op, "saturate")
    raised = builder.node("Add", [clipped, builder.constant("i128", np.int32(128))], op, "raise")
    return builder.node("Cast", [raised], op, "out", to=UINT8), 128
