"""The application and a model onto a board, or onto many; the release before runs on whatever happens.

    python -m host deploy --board-ip 192.168.1.50
    python -m host deploy --inventory boards.ini --model build/models/signnet --check

First, once for each board: python -m host board trust. Exit code 0 all boards run the release, 1 a
board failed and runs the release it had, 3 boards could not be reached and all others are done.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
from pathlib import Path
from typing import Any

from host.deploy.boards import add_board_options, boards_of
from host.deploy.playbook import FAILED, UNCHANGED, UNREACHABLE, Outcome, exit_code, run_playbook
from host.deploy.release import Extras, write_archive
from target.command_line import make_parser, print_result, start_log
from target.errors import exit_code_of
from target.manifest import load_manifest
from target.runners.releases import RELEASES


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = make_parser("python -m host deploy", __doc__)
    parser.add_argument("--model", type=Path, default=Path("models/signnet"), help="model folder")
    parser.add_argument(
        "--check", action="store_true", help="change nothing, say what would be changed"
    )
    parser.add_argument(
        "--wheels", type=Path, help="folder of wheels for the board's Python, such as LiteRT's"
    )
    parser.add_argument(
        "--baselines", type=Path, help="folder that python -m host export made, for board bench"
    )
    add_board_options(parser)
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    boards = boards_of(args)
    manifest = load_manifest(args.model)
    with tempfile.TemporaryDirectory(prefix="asl-release-") as made:
        archive = Path(made) / "release.tar.gz"
        release = write_archive(archive, manifest, Extras(args.wheels, args.baselines))
        names = {f"{one:#x}": f"Vitis AI {name}" for one, name in RELEASES.items()}
        variables = {"release": release, "archive": str(archive), "names": names}
        outcomes = run_playbook("deploy.yml", boards, variables, args.check)
    return report(outcomes, args.json, _describe(release, args.check), {"release": release["id"]})


def report(outcomes: list[Outcome], as_json: bool, describe: Any, more: dict[str, Any]) -> int:
    """Print what happened on each board, and an error line for each that failed; returns the exit code."""
    found = {**more, "boards": [dataclasses.asdict(outcome) for outcome in outcomes]}
    print_result(found, as_json, "\n".join(describe(one) for one in outcomes if not one.why))
    for one in outcomes:
        if one.state == UNREACHABLE:
            print(f"error: board '{one.board}' must be reached, got '{one.why}'", file=sys.stderr)
        elif one.state == FAILED:
            print(f"error: board '{one.board}', step '{one.step}': {one.why}", file=sys.stderr)
    return exit_code(outcomes)


def _describe(release: dict[str, Any], only_check: bool) -> Any:
    def words(one: Outcome) -> str:
        if only_check:
            what = ", ".join(one.changed) or "nothing"
            return f"{one.board}: would change: {what} (release {release['id']})"
        if one.state == UNCHANGED:
            already = f"runs release {release['id']} already, nothing changed"
            return f"{one.board}: {already}; page: {one.facts['page']}"
        before = one.facts.get("current")
        instead = f" instead of {before}" if before and before != release["id"] else ""
        return f"{one.board}: runs release {release['id']}{instead}; page: {one.facts['page']}"

    return words
