r"""Latency, throughput and energy on the board, one image at a time.

    python3 -m target bench --model models/signnet
    python3 -m target bench --model models/signnet --baselines bench/signnet \
        --runners dpu,litert-int8,opencv-dnn,null --out dpu.json

First every image of the reference is run and compared: the DPU must give the emulator's codes, bit
for bit, and the baselines the float model's letters; a wrong model is refused before anything is
timed. Then warm-up, then at least 1,024 queries and --duration seconds, one at a time. The record
says VALID or INVALID, and why. python -m host export makes the baselines' folder on the development
machine; python -m host report turns records into a page.
"""

from __future__ import annotations

import argparse
import functools
import logging
import os
from pathlib import Path
from typing import Any, Dict, List, Optional

from target import files
from target.command_line import make_parser, print_result, start_log
from target.errors import BackendError, DataError, exit_code_of
from target.manifest import Manifest, default_model, load_manifest
from target.measure.bench import bench, describe
from target.measure.reference import Reference, load_reference
from target.measure.single_stream import BenchConfig
from target.runners.table import NAMES, RunnerOptions, add_vart_options, make_runner

REFERENCE = "golden/reference.npz"
_log = logging.getLogger(__name__)


def main(argv: Optional[List[str]] = None) -> int:
    """Run the command."""
    parser = make_parser("python -m target bench", __doc__)
    parser.add_argument("--model", type=Path, default=default_model(), help="model folder")
    parser.add_argument("--runners", default="dpu", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--baselines", type=Path, help="folder that python -m host export made")
    add_vart_options(parser)
    parser.add_argument("--threads", type=int, default=1, help="of one CPU runner")
    add_bench_options(parser, 4)
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args))


def add_bench_options(parser: argparse.ArgumentParser, threads: int) -> None:
    """Add what a benchmark takes on the board and on the development machine."""
    config = BenchConfig
    parser.add_argument(
        "--frames", type=int, help="exactly so many queries: --queries with --duration 0"
    )
    parser.add_argument("--queries", type=int, default=config.queries, help="counted, at least")
    parser.add_argument(
        "--duration", type=float, default=config.duration_s, help="seconds of them, at least"
    )
    parser.add_argument("--warmup", type=int, default=config.warmup, help="uncounted queries")
    parser.add_argument(
        "--throughput-threads", type=int, default=threads, help="1, 2, 4 ... so many; 0 for none"
    )
    parser.add_argument("--no-energy", action="store_true", help="leave sensors alone")
    parser.add_argument("--out", type=Path, help="file for the records")


def config_of(args: argparse.Namespace) -> BenchConfig:
    """Return the configuration that the options ask for.

    Raises:
        DataError: If a number is out of range.
    """
    if args.frames is not None:
        args.queries, args.duration = args.frames, 0.0
    if args.queries < 1 or not 0 <= args.duration < 86400 or args.warmup < 0:
        raise DataError(
            "--queries must be at least 1, --duration 0 to 86400, --warmup at least 0,"
            f" got {args.queries}, {args.duration}, {args.warmup}"
        )
    if not 0 <= args.throughput_threads <= 64 or not 1 <= args.threads <= 64:
        raise DataError(
            "--throughput-threads must be 0 to 64, --threads 1 to 64,"
            f" got {args.throughput_threads}, {args.threads}"
        )
    return BenchConfig(
        args.queries,
        args.duration,
        args.warmup,
        threads=args.throughput_threads,
        energy=not args.no_energy,
    )


def split_names(text: str, known: tuple[str, ...]) -> List[str]:
    """Return the runners of a comma-separated list.

    Raises:
        BackendError: If one is unknown, or there is none.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names or any(name not in known for name in names):
        raise BackendError(f"runners must be of {', '.join(known)}, got '{text}'")
    return list(dict.fromkeys(names))


def _run(args: argparse.Namespace) -> int:
    names, config = split_names(args.runners, NAMES), config_of(args)
    if args.out:
        files.check_writable(args.out)
    manifest = load_manifest(args.model)
    reference = _reference(args.baselines, manifest)
    options = RunnerOptions(args.vart_mode, args.baselines, args.threads, args.isolate)
    records = []
    for name in names:
        _log.info("measuring %s on %s", manifest.name, name)
        record = bench(
            functools.partial(make_runner, name, manifest, options), manifest, reference, config
        )
        records.append(record)
        keep(records, args)
    if args.json:
        print_result({"records": records}, True, "")
    return 0


def keep(records: List[Dict[str, Any]], args: argparse.Namespace) -> None:
    """Show and write what was just measured, so that it is not lost to what comes next."""
    if not args.json:
        print_result({}, False, describe(records[-1]))
    if args.out:
        files.write_json(args.out, {"records": records})


def _reference(baselines: Optional[Path], manifest: Manifest) -> Reference:
    """Return the reference of the baselines' folder, else the model's own smaller one."""
    places = [baselines / "reference.npz"] if baselines else []
    places.append(manifest.folder / REFERENCE)
    for place in places:
        if os.path.isfile(place):
            return load_reference(place, manifest)
    raise DataError(
        f"benchmark must have a reference, got none at {places[0]}; make it with python -m host export"
    )
