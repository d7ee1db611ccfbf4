"""Latency, throughput and energy of runners on this machine, one image at a time.

    python -m host bench models/signnet models/tutorial --data data/archive.zip
    python -m host bench models/signnet --data ... --runners emulator,litert-int8,null --duration 60

First every test image is run and compared: the emulator must give the DPU's codes, bit for bit, the
baselines the float model's letters; a wrong model is refused before anything is timed. Then
warm-up, then at least 1,024 queries and --duration seconds, one at a time; then throughput with 1,
2 ... threads. Every record says VALID or INVALID, and why. --out writes {"records": [...]} for
python -m host report. Times of the emulator are this computer's, not the DPU's.
"""

from __future__ import annotations

import argparse
import functools
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from host.data.calibration import choose_images
from host.data.load import load_test_samples, load_training_samples
from host.data.samples import Samples
from host.dpu.engines.base import ENGINES
from host.paths import CACHE, DATA
from host.runners.litert import CALIBRATION_IMAGES
from host.runners.reference import make_reference
from host.runners.table import NAMES, RunnerNeeds, make_runner
from target import files
from target.command_line import make_parser, print_result, start_log
from target.commands.bench import add_bench_options, config_of, keep, split_names
from target.errors import exit_code_of
from target.manifest import Manifest, load_manifest
from target.measure.bench import bench
from target.measure.single_stream import BenchConfig

DEFAULT_RUNNERS = (
    *("emulator", "litert-float", "litert-int8", "onnxruntime", "opencv-dnn", "keras-cpu", "null"),
)
_log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = make_parser("python -m host bench", __doc__)
    parser.add_argument("models", type=Path, nargs="+", help="model folders")
    parser.add_argument("--data", type=Path, default=DATA, help="data set or folder of photos")
    parser.add_argument(
        "--runners", default=",".join(DEFAULT_RUNNERS), help=f"of {', '.join(NAMES)}"
    )
    parser.add_argument("--threads", type=int, default=1, help="of runners that can be told")
    parser.add_argument(
        "--engine", default="auto", help=f"of the emulator: auto or one of {', '.join(ENGINES)}"
    )
    add_bench_options(parser, min(os.cpu_count() or 1, 8))
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder for converted models")
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    names, config = split_names(args.runners, NAMES), config_of(args)
    if args.out:
        files.check_writable(args.out)
    manifests = [load_manifest(folder) for folder in args.models]
    training = load_training_samples(args.data, args.cache)
    calibration = choose_images(training.images, CALIBRATION_IMAGES, 1)
    needs = RunnerNeeds(args.threads, calibration, args.cache, args.engine)
    records: list[dict[str, Any]] = []
    for manifest in manifests:
        test = load_test_samples(args.data, args.cache, manifest.input_size, manifest.max_trim)
        for record in run_bench(manifest, test, names, config, needs):
            records.append(record)
            keep(records, args)
    if args.json:
        print_result({"records": records}, True, "")
    return 0


def run_bench(
    manifest: Manifest, test: Samples, names: list[str], config: BenchConfig, needs: RunnerNeeds
) -> Iterator[dict[str, Any]]:
    """Measure runners one after the other on the same test images.

    Args:
        manifest: Of the model.
        test: The queries.
        names: Of the runners.
        config: How.
        needs: What the runners need besides the model.

    Yields:
        One record a runner, as soon as it is there.
    """
    reference = make_reference(test, manifest, needs.cache)
    for name in names:
        _log.info("measuring %s on %s", manifest.name, name)
        make = functools.partial(make_runner, name, manifest, needs)
        yield bench(make, manifest, reference, config)
