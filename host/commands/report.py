"""Turn run records and models into one page with plots, a Markdown file and a JSON file.

    python -m host report reports/bench.json --models build/models/signnet --out reports/latest

A record file holds one run record, or {"records": [...]}. Files of several machines and models may
be merged, and so may the report.json of an earlier report. Measured, emulated and predicted times
are never mixed in one table.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from host.paths import REPORTS
from host.report.merge import TITLE, merge
from target.command_line import make_parser, print_result, start_log
from target.errors import exit_code_of

_log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = make_parser("python -m host report", __doc__)
    parser.add_argument("records", nargs="+", type=Path, metavar="RECORDS", help="record files")
    parser.add_argument("--out", type=Path, default=REPORTS / "latest", help="folder of the report")
    parser.add_argument(
        "--models", nargs="*", type=Path, default=[], metavar="DIR", help="model folders"
    )
    parser.add_argument("--title", default=TITLE, help="heading of the page")
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    from host.report.write import write_report

    report = merge(args.title, args.records, args.models)
    _log.info("%d records, %d models", len(report.records), len(report.models))
    paths = {role: str(path) for role, path in write_report(report, args.out).items()}
    result = {**paths, "records": len(report.records)}
    print_result(result, args.json, "\n".join(paths.values()))
    return 0
