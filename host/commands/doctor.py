"""What is wrong here, or on a board, why it matters, and the command that mends it.

    python -m host doctor
    python -m host doctor --json --only python,container
    python -m host doctor --board-ip 192.168.1.50
    python -m host doctor --inventory boards.ini --model build/models/signnet

Without a board: Python and its packages, memory and disk, data sets, models, docker and AMD's image,
arch.json, cameras, display. With one: everything that python3 -m target check looks at, run there
over ssh, and its clock; nothing needs to be deployed before. Exit code 0 if nothing is wrong
(warnings are allowed), 1 if there is an error, 2 wrong usage.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from host.doctor.table import CHECKS, check_workstation
from host.doctor.workstation import ROOT, Workstation
from target.check.finding import ERROR, count, describe, to_json
from target.check.run import add_check_options
from target.command_line import make_parser, print_result, start_log
from target.errors import EXIT_ERROR, EXIT_OK, exit_code_of

RELEASED = Path("models/signnet")


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = make_parser("python -m host doctor", __doc__)
    add_check_options(parser, [*CHECKS, "or of a board's: python3 -m target check --help"])
    parser.add_argument(
        "--model", type=Path, help="model folder; on a board in place of the deployed one"
    )
    parser.add_argument(
        "--data", type=Path, default=Path("data"), help="archive or folder of data sets"
    )
    parser.add_argument("--arch", type=Path, help="an arch.json to be checked")
    parser.add_argument("--docker", default="docker", help="command that runs containers")
    _add_board_options(parser)
    args = parser.parse_args(argv)
    start_log(args.quiet)
    remote = args.board_ip is not None or args.inventory is not None
    return exit_code_of(lambda: _boards(args) if remote else _workstation(args))


def _add_board_options(parser: argparse.ArgumentParser) -> None:
    """Add which boards are meant; where packages are missing, only this machine can be looked at."""
    try:
        from host.deploy.boards import add_board_options
    except ImportError:
        parser.set_defaults(board_ip=None, inventory=None)
    else:
        add_board_options(parser)


def _workstation(args: argparse.Namespace) -> int:
    models = () if args.model is None else (args.model,)
    machine = Workstation(args.root, ROOT, models, args.data.absolute(), args.docker, args.arch)
    findings = check_workstation(machine, args.only)
    print_result(to_json(findings), args.json, describe(findings))
    return EXIT_ERROR if count(findings, ERROR) else EXIT_OK


def _boards(args: argparse.Namespace) -> int:
    from host.deploy.boards import boards_of
    from host.doctor.boards import Asked, check_boards
    from target.manifest import load_manifest

    manifest = load_manifest(args.model or ROOT / RELEASED)
    found = check_boards(
        boards_of(args), manifest, Asked(args.model is not None, args.threads, args.only)
    )
    wrong = any(count(findings, ERROR) for findings in found.values())
    result = {"ok": not wrong, "boards": {name: to_json(one) for name, one in found.items()}}
    text = "\n\n".join(f"==> {name} <==\n{describe(one)}" for name, one in found.items())
    print_result(result, args.json, text)
    return EXIT_ERROR if wrong else EXIT_OK
