"""What is wrong on this board, why it matters, and the command that mends it.

    python3 -m target check
    python3 -m target check models/signnet --json
    python3 -m target check --only device,golden

Python and its modules, the DPU's firmware, fingerprint and memory, the model's files, and its golden
vectors through the DPU, bit for bit; cameras, display, governor, sensors, disks, clock. Exit code 0
if nothing is wrong (warnings are allowed), 1 if there is an error, 2 wrong usage. From the
workstation: make doctor BOARD_IP=...
"""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

from target.check.board import Board, this_board
from target.check.finding import ERROR, count, describe, to_json
from target.check.run import add_check_options
from target.check.table import CHECKS, check_board
from target.command_line import make_parser, print_result, start_log
from target.errors import EXIT_ERROR, EXIT_OK, exit_code_of
from target.manifest import default_model


def main(argv: Optional[List[str]] = None) -> int:
    """Run the command."""
    parser = make_parser("python -m target check", __doc__)
    parser.add_argument("model", nargs="?", type=Path, default=default_model(), help="model folder")
    add_check_options(parser, CHECKS)
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(
        lambda: _run(this_board(args.model, args.root, args.threads), args.only, args.json)
    )


def _run(board: Board, only: Optional[str], as_json: bool) -> int:
    findings = check_board(board, only)
    result = {**to_json(findings), **_facts(board)}
    print_result(result, as_json, describe(findings))
    return EXIT_ERROR if count(findings, ERROR) else EXIT_OK


def _facts(board: Board) -> Dict[str, Any]:
    """Return what a program that reads the result may want to know besides."""
    device = dataclasses.asdict(board.device)
    device["fingerprints"] = [f"{one:#x}" for one in board.device.fingerprints]
    model = None
    if board.manifest is not None:
        model = {"name": board.manifest.name, "sha256": board.manifest.sha256}
    return {"time": round(time.time(), 3), "device": device, "model": model}
