"""Takes the application off a board, or off many: service, releases, settings, what the service stored.

    python -m host undeploy --board-ip 192.168.1.50
    python -m host undeploy --inventory boards.ini --check

Exit code 0 it is gone, 1 a board failed, 3 boards could not be reached and all others are done.
"""

from __future__ import annotations

import argparse

from host.commands.deploy import report
from host.deploy.boards import add_board_options, boards_of
from host.deploy.playbook import UNCHANGED, Outcome, run_playbook
from target.command_line import make_parser, start_log
from target.errors import exit_code_of


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = make_parser("python -m host undeploy", __doc__)
    parser.add_argument(
        "--check", action="store_true", help="change nothing, say what would be changed"
    )
    add_board_options(parser)
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    outcomes = run_playbook("undeploy.yml", boards_of(args), {}, args.check)

    def words(one: Outcome) -> str:
        if one.state == UNCHANGED:
            return f"{one.board}: nothing was there"
        return f"{one.board}: {'would be taken off' if args.check else 'taken off'}"

    return report(outcomes, args.json, words, {})
