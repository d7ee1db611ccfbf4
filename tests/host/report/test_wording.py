"""How numbers are written."""

from __future__ import annotations

import pytest

from host.report.wording import moment, percent, points, ratio, significant


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.012345, "0.0123"), (1.005, "1.00"), (45.67, "45.7"), (1234.5, "1,234")]
    + [(1e-9, "1.00e-09"), (1e15, "1.00e+15")],
)
def test_significant_writes_three_digits(value: float, text: str) -> None:
    assert significant(value) == text


def test_shares_points_and_ratios_are_written_exactly() -> None:
    assert [percent(share) for share in (1.0, 0.99999, 0.0, 0.12346)] == [
        "100.00 %",
        "99.99 %",
        "0.00 %",
        "12.35 %",
    ]
    assert [points(value) for value in (-0.0123, 0.00001, 0.005)] == ["−1.23", "0.00", "+0.50"]
    assert [ratio(value) for value in (1.0, 12.34, 1234.5)] == ["1.00", "12.3", "1,234"]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2025-06-01T10:00:00+00:00", "2025-06-01 10:00:00 UTC"),
        ("2025-06-01T10:00:00Z", "2025-06-01 10:00:00 UTC"),
        ("2025-06-01T10:00:00+02:00", "2025-06-01T10:00:00+02:00"),
        ("yesterday", "yesterday"),
    ],
)
def test_moment_writes_utc_only_where_it_is(text: str, written: str) -> None:
    assert moment(text) == written
