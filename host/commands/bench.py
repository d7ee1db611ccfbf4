"""Latency of runners on this machine: batch 1, same images, same clock boundaries.

    python -m host bench models/signnet --data data/archive.zip --runners emulator,litert-int8

Runners: emulator, litert-float, litert-int8, keras-cpu, keras-gpu. Prints {"records": [run
records]} with --json; --out writes the same to a file for python -m host report.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

from host.data.calibration import choose_calibration
from host.data.load import load_test_samples, load_training_samples
from host.data.samples import Samples
from host.dpu.engines.base import ENGINES
from host.paths import CACHE, DATA
from host.runners.litert import CALIBRATION_IMAGES
from host.runners.table import NAMES, RunnerNeeds, make_runner
from target import files
from target.command_line import count, make_parser, print_result, start_log
from target.errors import BackendError, exit_code_of
from target.manifest import Manifest, load_manifest
from target.measure.single_stream import BenchConfig, single_stream
from target.text.labels import letter_of

DEFAULT_RUNNERS = ("emulator", "litert-float", "litert-int8", "keras-cpu")
_log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = make_parser("python -m host bench", __doc__)
    parser.add_argument("model", type=Path, help="model folder")
    parser.add_argument("--data", type=Path, default=DATA, help="data set or folder of photos")
    parser.add_argument(
        "--runners", default=",".join(DEFAULT_RUNNERS), help=f"of {', '.join(NAMES)}"
    )
    parser.add_argument("--frames", type=count, default=BenchConfig.frames, help="counted queries")
    parser.add_argument("--warmup", type=int, default=BenchConfig.warmup, help="uncounted queries")
    parser.add_argument("--threads", type=count, default=1, help="of runners that can be told")
    parser.add_argument(
        "--engine", default="auto", help=f"of the emulator: auto or one of {', '.join(ENGINES)}"
    )
    parser.add_argument("--out", type=Path, help="file for the records")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder for converted models")
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    names = [name.strip() for name in args.runners.split(",") if name.strip()]
    unknown = [name for name in names if name not in NAMES]
    if unknown or not names:
        raise BackendError(f"runners must be of {', '.join(NAMES)}, got '{args.runners}'")
    if args.warmup < 0:
        raise BackendError(f"--warmup must be at least 0, got {args.warmup}")
    if args.out:
        files.check_writable(args.out)
    manifest = load_manifest(args.model)
    test = load_test_samples(args.data, args.cache, manifest.input_size, manifest.max_trim)
    training = load_training_samples(args.data, args.cache)
    config = BenchConfig(args.frames, args.warmup)
    calibration = choose_calibration(training.images, CALIBRATION_IMAGES, 1)
    needs = RunnerNeeds(args.threads, calibration, args.cache, args.engine)
    document = {"records": run_bench(manifest, test, names, config, needs)}
    if args.out:
        files.write_json(args.out, document)
    print_result(document, args.json, "\n".join(describe(r) for r in document["records"]))
    return 0


def run_bench(
    manifest: Manifest, test: Samples, names: list[str], config: BenchConfig, needs: RunnerNeeds
) -> list[dict[str, Any]]:
    """Measure runners one after the other on the same test images.

    Args:
        manifest: Of the model.
        test: The queries.
        names: Of the runners.
        config: Queries and warm-up.
        needs: What the runners need besides the model.

    Returns:
        One record a runner.
    """
    count = min(config.frames, len(test))
    images = list(test.images[:count])
    truth = [letter_of(int(label)) for label in test.labels[:count]]
    records = []
    for name in names:
        _log.info("measuring %s on %s", manifest.name, name)
        runner = make_runner(name, manifest, needs)
        try:
            records.append(single_stream(runner, manifest, images, truth, config))
        finally:
            runner.close()
    return records


def describe(record: dict[str, Any]) -> str:
    """Return a record as one line for a person."""
    infer = record["stages"]["infer"]
    return (
        f"{record['model']['name']:10} {record['runner']:13} {record['kind']:9}"
        f" infer p50 {infer['p50']:7.3f}  p90 {infer['p90']:7.3f}  p99 {infer['p99']:7.3f} ms"
        f"  {record['throughput_fps']:7.0f} fps  accuracy {record['accuracy']:.4f}"
    )
