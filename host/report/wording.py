"""How numbers and names are written in a report: three significant digits, units beside them.

Standard library only.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence


def plain(value: object) -> str:
    """Return the text of a value as one line without control or invisible formatting characters."""
    text = "".join(
        " " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter
        for letter in str(value)
        if unicodedata.category(letter) not in ("Cf", "Cs")
    )
    return " ".join(text.split())


def shorten(text: str, length: int) -> str:
    """Return `text`, or its beginning and an ellipsis if it is longer than `length`."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def significant(value: float) -> str:
    """Return a number that is not negative with three significant digits and no exponent."""
    if value >= 1e12 or 0 < value < 1e-6:
        return f"{value:.2e}"
    if value >= 100 or value == 0:
        return f"{value:,.0f}"
    return f"{value:.{2 - math.floor(math.log10(value))}f}"


def count(value: float) -> str:
    """Return a whole number with thousands separated."""
    return f"{int(value):,}"


def percent(share: float) -> str:
    """Return a share as per cent with two decimals; only what is 1 is written as 100.00 %."""
    hundredths = round(share * 10000)
    if hundredths == 10000 and share < 1:
        hundredths = 9999
    return f"{hundredths / 100:.2f} %"


def points(difference: float) -> str:
    """Return a difference of two shares as percentage points with a sign."""
    value = round(difference * 100, 2)
    return "0.00" if value == 0 else f"{value:+.2f}".replace("-", "−")


def ratio(value: float) -> str:
    """Return how many times as large something is."""
    if value < 10:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def moment(text: object) -> str:
    """Return an ISO date and time in UTC as people write it; any other text as it is."""
    return re.sub(r"^(\d{4}-\d\d-\d\d)T([\d:]+)(?:\+00:00|Z)$", r"\1 \2 UTC", plain(text))


def plural(number: int, noun: str) -> str:
    """Return a number and its noun: `1 thread`, `2 threads`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def threads_text(threads: int | None) -> str:
    """Return `1 thread`, `2 threads`, or that the library behind the runner decides."""
    return "threads automatic" if threads is None else plural(threads, "thread")


def join(names: Sequence[str]) -> str:
    """Return names as a sentence lists them: `a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return ", ".join(names[:-1]) + " and " + names[-1]
