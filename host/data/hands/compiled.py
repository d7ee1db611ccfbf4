"""numba behind one file: what draws pixels is compiled once, on first use, and kept on disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])
_HERE = Path(__file__).resolve().parent


def compiled(function: _Function) -> _Function:
    """Compile a function of arrays and numbers; where nothing can be written, in every process anew."""
    keep = os.access(_HERE, os.W_OK) or "NUMBA_CACHE_DIR" in os.environ
    made: Any = numba.njit(cache=keep, error_model="numpy")(function)
    return cast(_Function, made)
