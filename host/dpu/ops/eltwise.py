"""eltwise in float32: sum or product."""

from __future__ import annotations

import numpy as np

from host.dpu.ops.call import Call
from target.errors import ModelError


def eltwise(call: Call) -> np.ndarray:
    """Add or multiply two or more float32 tensors; attribute `type` ADD or MUL.

    Raises:
        ModelError: If the type is another one.
    """
    kind = str(call.attr("type"))
    if kind not in ("ADD", "MUL"):
        raise ModelError(f"type of op '{call.op.name}' must be ADD or MUL, got '{kind}'")
    first, *others = call.values["input"]
    result = first.copy()
    for value in others:
        result = result + value if kind == "ADD" else result * value
    return call.shaped(result)
