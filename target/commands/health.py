"""How the running service is: it runs its golden vectors on its own runner and says whether they fit.

    python3 -m target health
    python3 -m target health --release 3f9c2a71b04d --wait 60 --settled

Exit code 0 if it is well, 1 if not or if nobody answers.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

from target.command_line import make_parser, print_result, start_log
from target.errors import BackendError, DataError, exit_code_of
from target.service.health import DEFAULT_SOCKET, ask, fault_of

_ASK_S = 10.0
_PAUSE_S = 0.25


def main(argv: Optional[List[str]] = None) -> int:
    """Run the command."""
    parser = make_parser("python -m target health", __doc__)
    parser.add_argument("--socket", type=Path, default=DEFAULT_SOCKET, help="of the service")
    parser.add_argument("--release", help="id of the release that must answer")
    parser.add_argument(
        "--settled", action="store_true", help="it must no longer be on trial after a deployment"
    )
    parser.add_argument("--wait", type=float, default=0.0, help="seconds to wait until all is well")
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    if not 0 <= args.wait <= 3600:
        raise DataError(f"--wait must be 0 to 3600 seconds, got {args.wait}")
    until = time.monotonic() + args.wait
    while True:
        try:
            answer = ask(args.socket, _ASK_S)
            fault = fault_of(answer, args.release, args.settled)
            if not fault:
                print_result(answer, args.json, describe(answer))
                return 0
            error = BackendError(f"{fault} at {args.socket}; see journalctl -u asl")
        except BackendError as unheard:
            error = unheard
        if time.monotonic() >= until:
            raise error
        time.sleep(_PAUSE_S)


def describe(answer: Dict[str, Any]) -> str:
    """Return an answer as a line for a person."""
    golden = answer.get("golden") or {}
    words = [
        f"release {answer.get('release')} with {answer.get('model')} on {answer.get('device')}:"
        f" {golden.get('vectors')} golden vectors bit for bit",
        f"{answer.get('frames')} frames",
    ]
    if answer.get("trouble"):
        words.append(str(answer["trouble"]))
    if answer.get("on_trial"):
        words.append("on trial")
    return ", ".join(words)
