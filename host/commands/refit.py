r"""Fit the latency model to published results, and say how far off it is.

    python -m host refit published.json --small small_nets.json \
        --out host/dpu/latency/parameters.json

published.json is a list of rows: network, keras_application, keras_arguments, input_hw, gops,
architecture_known, board, release, fps_1_thread, fps_multi_thread. Rows of the ZCU104 and the KV260
with one thread are fitted. Every network is also left out once and predicted by a fit to the
others: those errors are what a prediction states.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from host.commands.estimate import compile_keras
from host.dpu.latency.boards import Release, find_board, find_release
from host.dpu.latency.fit import FITTED_BOARDS, RowError, errors_of, fit, leave_one_out, summarize
from host.dpu.latency.layers import Workload, workload_of
from host.dpu.latency.parameters import CALL_MS, PRIORS, Parameters
from host.dpu.latency.predict import predict
from host.dpu.latency.published import Row, SmallRow, read_rows, read_small
from host.graph.graph import Graph
from host.training.applications import build_application
from host.training.layer_list import build_layer_list
from host.training.published import build_published
from target import files
from target.command_line import make_parser, print_result, start_log
from target.errors import DataError, exit_code_of

_log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = make_parser("python -m host refit", __doc__)
    parser.add_argument("rows", type=Path, help="published results, JSON")
    parser.add_argument(
        "--small", type=Path, help="published small networks with their layers, never fitted; JSON"
    )
    parser.add_argument("--out", type=Path, help="file for the parameters")
    parser.add_argument("--all", action="store_true", help="print every row, not only the summary")
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    if args.out:
        files.check_writable(args.out)
    rows, excluded = read_rows(args.rows)
    small = read_small(args.small) if args.small else []
    _check(rows, args.rows)
    built = [(row, _small_workload(row)) for row in small]
    source = _Workloads()
    _log.info("fitting %d rows of %d networks", len(rows), len({row.network for row in rows}))
    parameters = fit(rows, source)
    full = errors_of(rows, source, parameters)
    _log.info("leaving out one network after the other")
    out = leave_one_out(rows, source)
    document = {
        "parameters": {k: round(v, 6) for k, v in dataclasses.asdict(parameters).items()},
        "error": {
            **_error(full, out, excluded),
            "small_networks": _optional([_small_error(*pair, parameters) for pair in built]),
        },
    }
    if args.out:
        files.write_json(args.out, document)
    rows_found = [_describe(fitted, left) for fitted, left in zip(_ordered(full), _ordered(out))]
    text = "\n".join([*(_line(row) for row in rows_found if args.all), _summary(document)])
    print_result({**document, "rows": rows_found}, args.json, text)
    return 0


def _check(rows: Sequence[Row], path: Path) -> None:
    """Check that the errors a prediction states can be found.

    Raises:
        DataError: If rows are missing for it.
    """
    if len({row.network for row in rows}) < 2:
        raise DataError(f"published rows must have two networks or more, got fewer in {path}")
    if not any(row.application and row.board in FITTED_BOARDS for row in rows):
        raise DataError(
            "published rows must have some with a keras_application and board"
            f" {' or '.join(FITTED_BOARDS)}, got none in {path}"
        )


class _Workloads:
    """Builds and compiles each network once."""

    def __init__(self) -> None:
        self._graphs: dict[Any, Graph] = {}
        self._known: dict[Any, Workload] = {}

    def __call__(self, row: Row, release: Release) -> Workload:
        key = (row.model, release.isa, release.fuses_eltwise)
        if key not in self._known:
            self._known[key] = workload_of(self._compiled(row), release)
        return self._known[key]

    def _compiled(self, row: Row) -> Graph:
        if row.model not in self._graphs:
            _log.info("building %s", row.network)
            if row.application:
                model = build_application(row.application, row.input_hw, json.loads(row.arguments))
            else:
                model = build_published(row.network, row.input_hw, row.gops)
            self._graphs[row.model] = compile_keras(model)
        return self._graphs[row.model]


def _in_keras(error: RowError) -> bool:
    return error.row.application is not None and error.row.board in FITTED_BOARDS


def _error(
    full: Sequence[RowError], out: Sequence[RowError], excluded: dict[str, int]
) -> dict[str, Any]:
    """Return the errors by kind of row: what a prediction carries with it."""
    fitted = [error for error in out if error.row.board in FITTED_BOARDS]
    return {
        "source": "performance tables of the Vitis AI model zoo, releases 1.0 to 3.0",
        "networks": sorted({error.row.network for error in out}),
        "one_thread": {
            "left_out": summarize([e.single for e in out if _in_keras(e)]),
            "fitted": summarize([e.single for e in full if _in_keras(e)]),
        },
        "one_thread_other_networks": _optional([e.single for e in fitted if not _in_keras(e)]),
        "one_thread_zcu102": _optional([e.single for e in out if e.row.board == "zcu102"]),
        "multi_thread": _optional([e.multi for e in out if e.multi is not None]),
        "rows_fitted": len(fitted),
        "rows_excluded": excluded,
        "priors": {name: prior.source for name, prior in PRIORS.items()},
    }


def _small_workload(row: SmallRow) -> Workload:
    model = build_layer_list(row.input_shape, row.layers)
    return workload_of(compile_keras(model), find_release(row.release))


def _small_error(row: SmallRow, workload: Workload, parameters: Parameters) -> float:
    release = find_release(row.release)
    prediction = predict(workload, find_board(row.board), release, parameters)
    return (prediction.python_ms if row.python else prediction.dpu_ms + CALL_MS) / row.ms - 1


def _optional(errors: Sequence[float]) -> dict[str, float | int] | None:
    return summarize(errors) if errors else None


def _ordered(errors: Sequence[RowError]) -> list[RowError]:
    return sorted(errors, key=lambda error: dataclasses.astuple(error.row)[:1] + _place(error.row))


def _place(row: Row) -> tuple[Any, ...]:
    return (row.application or "", row.gops, row.board, row.release, row.single_ms)


def _describe(fitted: RowError, left: RowError) -> dict[str, Any]:
    assert fitted.row == left.row
    return {
        **dataclasses.asdict(fitted.row),
        "error_fitted": round(fitted.single, 4),
        "error_left_out": round(left.single, 4),
        "error_multi_left_out": None if left.multi is None else round(left.multi, 4),
    }


def _line(row: dict[str, Any]) -> str:
    multi = row["error_multi_left_out"]
    return (
        f"{row['network']:22} {row['gops']:6.2f} GOP  {row['board']:6} {row['release']:5}"
        f" {row['single_ms']:7.3f} ms  fitted {row['error_fitted']:+6.1%}"
        f"  left out {row['error_left_out']:+6.1%}"
        + (f"  all threads {multi:+6.1%}" if multi is not None else "")
    )


def _summary(document: dict[str, Any]) -> str:
    lines = [f"{name:22} {value:g}" for name, value in document["parameters"].items()]
    error = document["error"]
    kinds = {
        "one thread, network left out": error["one_thread"]["left_out"],
        "one thread, fitted": error["one_thread"]["fitted"],
        "  networks not in Keras, left out": error["one_thread_other_networks"],
        "  ZCU102 (never fitted), left out": error["one_thread_zcu102"],
        "all threads, network left out": error["multi_thread"],
        "small networks (never fitted)": error["small_networks"],
    }
    lines += [
        "",
        f"{'relative error':34} {'rows':>5} {'median':>8} {'p90':>8} {'max':>8} {'bias':>8}",
    ]
    for name, found in kinds.items():
        if found:
            numbers = " ".join(f"{found[key]:8.1%}" for key in ("median", "p90", "max", "bias"))
            lines.append(f"{name:34} {found['rows']:5} {numbers}")
    lines += ["", "rows excluded:"]
    lines += [f"{number:5}  {reason}" for reason, number in error["rows_excluded"].items()]
    return "\n".join(lines)
