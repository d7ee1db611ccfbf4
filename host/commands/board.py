"""What a deployed board is asked for: its host key, its log, its benchmark, a run in this terminal.

    python -m host board trust --board-ip 192.168.1.50 --fingerprint SHA256:...
    python -m host board logs  --board-ip 192.168.1.50 --lines 200
    python -m host board bench --board-ip 192.168.1.50 --out build/records -- --duration 30
    python -m host board run   --board-ip 192.168.1.50 -- 0 term://

What follows `--` goes to python3 -m target bench or run on the board. The service pauses while a
benchmark or a run has the DPU and the camera, and goes on afterwards, also if the connection breaks.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from host.deploy.boards import Board, Boards, add_board_options, boards_of, list_boards
from host.deploy.known_hosts import offered, trust
from host.deploy.remote import bench_script, run_script
from target import files
from target.command_line import count, make_parser, print_result, start_log
from target.errors import EXIT_ERROR, BackendError, DataError, exit_code_of

VERBS = {
    "trust": "accept a board's host key, by the fingerprint that the board itself shows",
    "logs": "the end of the service's log",
    "bench": "measure there, fetch the records",
    "run": "the application there, in this terminal",
}
_RUN = ["0", "term://"]


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    words = list(sys.argv[1:] if argv is None else argv)
    there: list[str] = []
    if "--" in words:
        at = words.index("--")
        words, there = words[:at], words[at + 1 :]
    parser = make_parser("python -m host board", __doc__)
    parser.add_argument(
        "verb", choices=VERBS, help="; ".join(f"{k}: {v}" for k, v in VERBS.items())
    )
    parser.add_argument(
        "--fingerprint", help="of trust: SHA256:... as the board's console shows it"
    )
    parser.add_argument("--lines", type=count, default=100, help="of logs")
    parser.add_argument(
        "--out", type=Path, default=Path("build/records"), help="of bench: folder for the records"
    )
    add_board_options(parser)
    args = parser.parse_args(words)
    if there and args.verb not in ("bench", "run"):
        parser.error(f"{args.verb} takes nothing after --")
    start_log(args.quiet)
    verbs = {"trust": _trust, "logs": _logs, "bench": _bench, "run": _run}
    return exit_code_of(lambda: verbs[args.verb](args, there))


def _trust(args: argparse.Namespace, there: list[str]) -> int:
    boards = boards_of(args)
    if boards.address is None:
        raise DataError("trust must be given one board, got an inventory; use --board-ip")
    if args.fingerprint is None:
        shown = ", ".join(offered(boards.address, boards.port))
        raise DataError(
            f"--fingerprint must be given, got none; who answers at {boards.address} offers {shown}. Compare"
            " with the board's serial console: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"
        )
    kind = trust(boards.address, boards.port, args.fingerprint, boards.known_hosts)
    result = {"board": boards.address, "type": kind, "known_hosts": str(boards.known_hosts)}
    print_result(
        result, args.json, f"{boards.address}: {kind} key accepted in {boards.known_hosts}"
    )
    return 0


def _logs(args: argparse.Namespace, there: list[str]) -> int:
    script = f"journalctl -u asl -n {args.lines} --no-pager"
    found, code = _on_each(boards_of(args), "journalctl", lambda board: script)
    text = "\n".join(
        f"==> {name} <==\n{log}" if len(found) > 1 else log for name, log in found.items()
    )
    print_result({name: log.splitlines() for name, log in found.items()}, args.json, text.rstrip())
    return code


def _bench(args: argparse.Namespace, there: list[str]) -> int:
    found, code = _on_each(boards_of(args), "bench", lambda board: bench_script(board, there))
    written: dict[str, Any] = {}
    for name, text in found.items():
        try:
            records = json.loads(text)
        except ValueError as error:
            raise BackendError(
                f"benchmark must print records, got '{text[:200]}' from board '{name}'"
            ) from error
        safe = "".join(c if c.isalnum() or c in ".-_" else "_" for c in name)
        path = args.out / f"board-{safe}.json"
        files.write_json(path, records)
        written[name] = {"file": str(path), **records}
    print_result(written, args.json, "\n".join(str(one["file"]) for one in written.values()))
    return code


def _run(args: argparse.Namespace, there: list[str]) -> int:
    boards = boards_of(args)
    found = list_boards(boards)
    if len(found) != 1:
        raise DataError(f"run must be given one board, got {len(found)}; use --board-ip")
    command = found[0].command(run_script(found[0], there or _RUN), boards, sys.stdin.isatty())
    return subprocess.run(command, check=False).returncode


def _on_each(boards: Boards, what: str, script: Any) -> tuple[dict[str, str], int]:
    """Run a script on every board; returns what each printed, and 1 if one failed."""
    printed: dict[str, str] = {}
    code = 0
    for board in list_boards(boards):
        try:
            printed[board.name] = _output(board, boards, what, script(board))
        except BackendError as error:
            print(f"error: {error}", file=sys.stderr)
            code = EXIT_ERROR
    return printed, code


def _output(board: Board, boards: Boards, what: str, script: str) -> str:
    done = subprocess.run(
        board.command(script, boards),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise board.fail(what, done.stderr or done.stdout, boards)
    return done.stdout
