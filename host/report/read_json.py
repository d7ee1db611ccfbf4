"""Reading JSON that other people's machines wrote: finite numbers, valid text, one-line errors."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from target.errors import AppError

_MOST_DIGITS = 18  # more does not fit into 64 bits, and into no count of frames


def read_json(path: Path, error: type[AppError], what: str, remedy: str) -> Any:
    """Return the document in a JSON file.

    Args:
        path: The file.
        error: Raised if the file cannot be read or is not JSON.
        what: Name of the file's role, for the message.
        remedy: What the user can do, for the message.

    Raises:
        AppError: As `error`, with one line.
    """
    try:
        text = path.read_text(encoding="utf-8")
        document = json.loads(
            text, parse_constant=_refuse, parse_float=_finite, parse_int=_countable
        )
        json.dumps(document, ensure_ascii=False).encode("utf-8")  # half a character cannot be shown
    except OSError as fault:
        raise error(
            f"{what} must be a readable file, got '{fault.strerror}' at {path}; {remedy}"
        ) from fault
    except (ValueError, RecursionError) as fault:
        raise error(f"{what} must be JSON, got '{fault}' in {path}; {remedy}") from fault
    return document


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits[:20]} is too large")
    return value


def _countable(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"{digits[:20]} is too large")
    return int(digits)
