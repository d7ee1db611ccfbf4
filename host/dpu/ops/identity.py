"""Ops that hand codes on unchanged: upload, download, reshape-fix, and their float kin."""

from __future__ import annotations

import numpy as np

from host.dpu.ops.call import Call


def identity(call: Call) -> np.ndarray:
    """Return the input in the op's own dims; row-major (NHWC) order is kept.

    Args:
        call: `input` (n, ...), any dtype.

    Returns:
        The same values, (n, *dims[1:]).
    """
    return call.shaped(call.value())
