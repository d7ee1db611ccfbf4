"""The DPU's average: the sum times N / 2**M, because it cannot divide.

Source: AMD's cpu_task (pool-fix) and vai_q_tensorflow2 (layers/vitis_pooling.py), which agree.
"""

from __future__ import annotations

import math

_FIXED = {(3, 3): (7, 6), (5, 5): (10, 8), (6, 6): (7, 8), (7, 7): (21, 10), (14, 14): (21, 12)}


def average_factor(kh: int, kw: int) -> tuple[int, int]:
    """Return (N, M): the average of a kh x kw window is sum * N / 2**M.

    >>> average_factor(2, 2), average_factor(7, 7), average_factor(4, 5)
    ((1, 2), (21, 10), (41, 10))
    """
    if (kh, kw) in _FIXED:
        return _FIXED[kh, kw]
    area = kh * kw
    best = (1, 0)
    error = math.inf
    for bits in range(7 + math.ceil(math.log2(area))):
        count = round(2**bits / area)
        if abs(count / 2**bits - 1 / area) < error:
            best, error = (count, bits), abs(count / 2**bits - 1 / area)
    return best
