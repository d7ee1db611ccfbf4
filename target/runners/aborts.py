"""What AMD's libraries say when they abort the process, and what mends it."""

from __future__ import annotations

import re
import signal
from typing import List

from target.runners.device import last_words

# What VART, xir and XRT write before they end the process; sources: their messages as documented.
_REMEDIES = (
    (
        r"fingerprint",
        "compile the model for this DPU's fingerprint (see xdputil query): make quantize compile"
        " TOOLCHAIN=vitis",
    ),
    (
        r"cu timeout|XLNX_DPU_TIMEOUT",
        "the DPU stopped answering: switch the board off and on, then see python3 -m target check",
    ),
    (
        r"no device is available|dpu controller|get_factory_methods|xclbin",
        "no DPU was found: see that /etc/vart.conf names the firmware, python3 -m target check",
    ),
    (
        r"bad_alloc|[Oo]ut of memory|[Cc]annot allocate|alloc.*fail",
        "give the DPU more contiguous memory: cma=512M in the kernel's command line",
    ),
    (
        r"XIR_READ_PB|VART_XMODEL|XIR_INVALID|ddr info|CONST REG",
        "compile the model again and copy it whole",
    ),
    (
        r"cannot open library",
        "install AMD's runtime whole: python3 -m target check says what is missing",
    ),
)


def describe_end(returncode: int) -> str:
    """Return how a process ended: `SIGABRT` or `exit 3`."""
    if returncode >= 0:
        return f"exit {returncode}"
    try:
        return signal.Signals(-returncode).name
    except ValueError:
        return f"signal {-returncode}"


def explain_end(returncode: int, log: List[str]) -> str:
    """Return how a process of AMD's libraries ended, its last words and what mends it, on one line.

    Args:
        returncode: Of subprocess; negative for a signal.
        log: Lines of its stderr.
    """
    said = last_words(log) or "no message"
    whole = "\n".join(log)
    remedy = next((text for pattern, text in _REMEDIES if re.search(pattern, whole)), "")
    return f"{describe_end(returncode)} ({said}); {remedy or 'see python3 -m target check'}"
