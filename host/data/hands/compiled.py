"""numba behind one file: what draws pixels is compiled once, on first use, and kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compile a function of arrays and numbers on its first call.

    The result is kept beside it, or in the user's cache folder where that cannot be written; where neither
    can, it is made anew in every process, about 20 seconds for all of them.
    """
    made: Any
    try:
        made = numba.njit(cache=True, error_model="numpy")(function)
    except RuntimeError:  # numba found no folder to keep it in
        made = numba.njit(error_model="numpy")(function)
    return cast(_Function, made)
