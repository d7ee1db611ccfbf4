from __future__ import annotations

import math
from fractions import Fraction

import pytest

from host.dpu.ops.average import average_factor


@pytest.mark.parametrize(
    ("kernel", "factor"),
    [
        ((3, 3), (7, 64)),
        ((5, 5), (10, 256)),
        ((6, 6), (7, 256)),
        ((7, 7), (21, 1024)),
        ((14, 14), (21, 4096)),
        ((9, 9), (101, 8192)),
        ((10, 10), (41, 4096)),
        ((11, 11), (17, 2048)),
        ((12, 12), (57, 8192)),
        ((13, 13), (97, 16384)),
        ((15, 15), (73, 16384)),
        ((17, 17), (113, 32768)),
        ((18, 18), (101, 32768)),
        ((20, 20), (41, 16384)),
        ((28, 28), (21, 16384)),
        ((2, 3), (85, 512)),
        ((3, 5), (17, 256)),
    ],
    ids=lambda value: "x".join(map(str, value)),
)
def test_factors_of_amds_tables(kernel: tuple[int, int], factor: tuple[int, int]) -> None:
    count, bits = average_factor(*kernel)
    assert (count, 2**bits) == factor


@pytest.mark.parametrize("side", [1, 2, 4, 8, 16, 32])
def test_powers_of_two_are_exact(side: int) -> None:
    count, bits = average_factor(side, side)
    assert Fraction(count, 2**bits) == Fraction(1, side * side)


@pytest.mark.parametrize("kernel", [(1, 3), (4, 5), (5, 4), (19, 1), (23, 31), (255, 255)], ids=str)
def test_other_factors_are_the_first_best_by_search(kernel: tuple[int, int]) -> None:
    area = kernel[0] * kernel[1]
    candidates = [
        (abs(Fraction(round(Fraction(2**n, area)), 2**n) - Fraction(1, area)), n)
        for n in range(7 + math.ceil(math.log2(area)))
    ]
    bits = min(candidates)[1]
    assert average_factor(*kernel) == (round(Fraction(2**bits, area)), bits)
    assert average_factor(*kernel) == average_factor(*kernel[::-1])
