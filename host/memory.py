"""Keeps memory that was freed for the next batch, instead of giving it back to the system.

TensorFlow frees and takes the same hundreds of megabytes at every training step. The C library gives
them back meanwhile, and the system clears every page anew: where a page fault is dear, as on a virtual
machine, it takes half of the training's time.
"""

from __future__ import annotations

import ctypes

# Names and numbers of mallopt(3), glibc; each is a C int.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX, _ARENA_MAX = -1, -2, -4, -8
_KEPT = 2**31 - 1  # bytes that stay with the program when they are free; the largest C int
_STEP = 2**28  # bytes asked for at once; they count only once they are written to


def keep_freed_memory() -> bool:
    """Tell the C library; False where it cannot be told.

    Called before there are threads: memory of their own, which they may have by then, is kept in pieces of
    64 MB at most.
    """
    try:
        tell = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library than glibc
        return False
    # One arena for all threads: what the others keep is small, and given back.
    settings = (
        (_ARENA_MAX, 1),
        (_TRIM_THRESHOLD, _KEPT),
        (_TOP_PAD, _STEP),
        (_MMAP_MAX, 0),  # not _MMAP_THRESHOLD: TensorFlow sets that one itself
    )
    return all(tell(name, value) == 1 for name, value in settings)
