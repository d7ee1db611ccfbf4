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
import sys
from pathlib import Path

from host.doctor.table import CHECKS, check_workstation
from host.doctor.workstation import ROOT, Workstation
from target.check.finding import ERROR, count, describe, to_json
from target.check.run import add_check_options
from target.command_line import make_parser, print_result, start_log
from target.errors import EXIT_ERROR, EXIT_OK, BackendError, exit_code_of

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
    missing = _add_board_options(parser)
    args, unknown = parser.parse_known_args(argv)
    remote = args.board_ip is not None or args.inventory is not None
    if unknown and not (missing and remote):
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    start_log(args.quiet)
    if not remote:
        return exit_code_of(lambda: _workstation(args))
    return exit_code_of(lambda: _refuse(missing) if missing else _boards(args))


def _add_board_options(parser: argparse.ArgumentParser) -> str:
    """Add which boards are meant; returns the package without which only this machine can be looked at."""
    try:
        from host.deploy.boards import add_board_options
    except ImportError as error:
        for option in ("--board-ip", "--inventory"):
            parser.add_argument(option, help=f"needs {error.name}: make .venv-deploy/ready")
        return error.name or str(error)
    add_board_options(parser)
    return ""


def _refuse(missing: str) -> int:
    raise BackendError(
        f"{missing} must be installed to look at a board, got none for {sys.executable};"
        " make .venv-deploy/ready, then .venv-deploy/bin/python -m host doctor, or make doctor BOARD_IP=..."
    )


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
