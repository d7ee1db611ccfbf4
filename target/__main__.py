"""python -m target <command>: the application on the board.

    run      frames in, letters and words out, on the DPU
    bench    latency, throughput and energy, one image at a time
    cameras  what cameras are there, with formats, sizes and rates
    capture  collect labelled photos of your own hand, for finetuning
    check    what is wrong on this board, and the command that mends it
    health   how the service is: its golden vectors, on its own runner

Each command has its own --help. Exit code 0 done, 1 an error with its remedy, 2 wrong usage, 130
Ctrl-C.
"""

from __future__ import annotations

import importlib
import sys
from typing import List, Optional

from target.errors import run_process

COMMANDS = {
    "run": "frames in, letters and words out, on the DPU",
    "bench": "latency, throughput and energy, one image at a time",
    "cameras": "what cameras are there, with formats, sizes and rates",
    "capture": "collect labelled photos of your own hand, for finetuning",
    "check": "what is wrong on this board, and the command that mends it",
    "health": "how the service is: its golden vectors, on its own runner",
}


def main(argv: Optional[List[str]] = None) -> int:
    """Run the command named first; returns its exit code."""
    if sys.version_info < (3, 9):  # noqa: UP036  # an older board image has an older Python
        got = sys.version.split()[0]
        print(
            f"error: Python must be 3.9 or newer, got {got} ({sys.executable}); boot the board image"
            " xilinx-zcu104-dpu-v2022.2-v3.0.0, or start a newer python3",
            file=sys.stderr,
        )
        return 1
    args = sys.argv[1:] if argv is None else argv
    if not args or args[0] in ("-h", "--help"):
        print((__doc__ or "").strip())
        return 0 if args else 2
    if args[0] not in COMMANDS:
        known = ", ".join(COMMANDS)
        print(f"error: command must be one of {known}, got '{args[0]}'", file=sys.stderr)
        return 2
    return int(importlib.import_module(f"target.commands.{args[0]}").main(args[1:]))


if __name__ == "__main__":
    run_process(main)  # Ctrl-C counts from the first import on
