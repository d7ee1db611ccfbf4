"""Frames in, letters out, on the board's DPU.

    python3 -m target run 0                        camera 0, a window
    python3 -m target run 0 http://:8080           a page for the browser; --host 0.0.0.0 for others
    python3 -m target run 0 term:// signs.avi      a line in the terminal, and a video
    python3 -m target run clip.mp4 signs.avi       a video in, a video out
    python3 -m target run photos/ --headless --json

Without a board and VART use python -m host simulate, which runs this very application on the
emulator.
"""

from __future__ import annotations

from pathlib import Path
from typing import List, Optional

from target.command_line import make_parser, parse_mixed, start_log
from target.errors import exit_code_of
from target.manifest import Manifest, default_model, implied_manifest
from target.runners.dpu import load_vart
from target.runners.probe import probe_file
from target.runners.table import RunnerOptions, add_vart_options, make_runner
from target.stream import Doors, stream
from target.streaming_options import add_stream_options


def main(argv: Optional[List[str]] = None) -> int:
    """Run the command."""
    parser = make_parser("python -m target run", __doc__)
    add_stream_options(parser, default_model())
    add_vart_options(parser)
    args = parse_mixed(parser, argv)
    start_log(args.quiet)
    options = RunnerOptions(args.vart_mode, isolate=args.isolate)
    return exit_code_of(
        lambda: stream(
            args,
            Doors(lambda m: make_runner("dpu", m, options), open_bare),
        )
    )


def open_bare(xmodel: Path) -> Manifest:
    """Return the manifest of a file without one; xir first meets the file in a child process."""
    load_vart()  # without it the advice is to simulate, not to look at the file
    found = probe_file(xmodel)
    return implied_manifest(xmodel, found.source, found.last)
