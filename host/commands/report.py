"""Turn run records and models into one page with plots, a Markdown file and a JSON file.

    python -m host report reports/bench.json --models build/models/signnet --out reports/latest
    python -m host report --compare old.json new.json

A record file holds one run record, or {"records": [...]}. Files of several machines and models may
be merged, and so may the report.json of an earlier report. Measured, emulated and predicted times
are never mixed in one table. --compare makes no page: it pairs the runs of two files and flags what
became slower, less accurate or invalid; --strict turns such a regression into exit code 1.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
from pathlib import Path

from host.paths import REPORTS
from host.report.compare import TOLERANCE, compare_records, describe_changes, regressions
from host.report.merge import TITLE, merge
from host.report.read_json import read_json
from target.command_line import make_parser, print_result, start_log
from target.errors import EXIT_ERROR, EXIT_OK, DataError, exit_code_of
from target.measure.record import read_records

_log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = make_parser("python -m host report", __doc__)
    parser.add_argument("records", nargs="*", type=Path, metavar="RECORDS", help="record files")
    parser.add_argument("--out", type=Path, default=REPORTS / "latest", help="folder of the report")
    parser.add_argument(
        "--models", nargs="*", type=Path, default=[], metavar="DIR", help="model folders"
    )
    parser.add_argument("--title", default=TITLE, help="heading of the page")
    parser.add_argument(
        "--compare",
        nargs=2,
        type=Path,
        metavar=("OLD", "NEW"),
        help="records or report.json of both",
    )
    parser.add_argument(
        "--tolerance", type=_share, default=TOLERANCE, help="times may differ so much, --compare"
    )
    parser.add_argument(
        "--strict", action="store_true", help="exit code 1 if --compare finds a regression"
    )
    args = parser.parse_args(argv)
    if bool(args.records) == bool(args.compare):
        parser.error("give either RECORDS or --compare OLD NEW")
    start_log(args.quiet)
    return exit_code_of(lambda: _compare(args) if args.compare else _run(args))


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value < 10:
        raise argparse.ArgumentTypeError(f"must be 0 to 10, such as 0.1 for 10 %, got {text}")
    return value


def _compare(args: argparse.Namespace) -> int:
    old, new = (
        read_records(read_json(path, DataError, "record file", "run make bench"), str(path))
        for path in args.compare
    )
    changes = compare_records(old, new, args.tolerance)
    worse = regressions(changes)
    result = {
        "regressions": len(worse),
        "tolerance": args.tolerance,
        "changes": [dataclasses.asdict(change) for change in changes],
    }
    print_result(result, args.json, describe_changes(changes))
    return EXIT_ERROR if args.strict and worse else EXIT_OK


def _run(args: argparse.Namespace) -> int:
    from host.report.write import write_report

    report = merge(args.title, args.records, args.models)
    _log.info("%d records, %d models", len(report.records), len(report.models))
    paths = {role: str(path) for role, path in write_report(report, args.out).items()}
    result = {**paths, "records": len(report.records)}
    print_result(result, args.json, "\n".join(paths.values()))
    return 0
