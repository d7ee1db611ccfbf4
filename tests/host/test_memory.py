from __future__ import annotations

import ctypes
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from host.memory import keep_freed_memory

ROOT = Path(__file__).parents[2]
# Page faults of writing 64 MB fifty times, each time into memory that was just asked for.
COUNT = """
import resource, sys, numpy as np
if sys.argv[1] == "kept":
    from host.memory import keep_freed_memory
    assert keep_freed_memory()
np.ones(2**23)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    np.ones(2**23)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library than glibc")
def test_freed_memory_is_written_again_without_page_faults() -> None:
    faults = {
        how: int(
            subprocess.run(
                [sys.executable, "-c", COUNT, how],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                check=True,
                timeout=120,
            ).stdout
        )
        for how in ("kept", "as it is")
    }
    assert faults["kept"] < 100 < faults["as it is"]


@pytest.mark.parametrize("missing", [OSError, AttributeError])
def test_another_c_library_is_left_as_it_is(
    missing: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Library:
        @property
        def mallopt(self) -> object:
            raise missing

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library())
    assert not keep_freed_memory()
