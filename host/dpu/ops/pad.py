"""pad: zeros around a map, in float32."""

from __future__ import annotations

import numpy as np

from host.dpu.ops.call import Call


def pad(call: Call) -> np.ndarray:
    """Return the map with `pad` = [left, right, top, bottom] zeros around it, (n, h, w, c)."""
    left, right, top, bottom = call.integers("pad")
    return call.shaped(np.pad(call.value(), ((0, 0), (top, bottom), (left, right), (0, 0))))
