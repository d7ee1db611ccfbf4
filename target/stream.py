"""Runs the application from the command line: options in, record out. Shared with the emulator's command."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

from target import files
from target.app import App, StreamConfig, StreamResult
from target.camera.base import Source
from target.camera.open import FORMS as INPUT_FORMS
from target.camera.open import open_source
from target.command_line import print_result
from target.errors import EXIT_INTERRUPTED, EXIT_OK, DataError, ModelError, OutputError
from target.manifest import NAME, Manifest, load_manifest
from target.runners.base import Runner
from target.show.open import FORMS as OUTPUT_FORMS
from target.show.open import open_sinks
from target.text.speller import SpellConfig

MakeRunner = Callable[[Manifest], Runner]
OpenModel = Callable[[Path], Manifest]
OpenInput = Callable[[str], Source]
Complete = Callable[[StreamResult], Dict[str, Any]]


def add_stream_options(parser: argparse.ArgumentParser, model: Path) -> None:
    """Add what every way to run the application takes."""
    parser.add_argument("input", help=INPUT_FORMS)
    parser.add_argument("output", nargs="?", help=f"{OUTPUT_FORMS}; a window if not given")
    parser.add_argument(
        "--model", type=Path, default=model, help="model folder, or a compiled .xmodel without one"
    )
    parser.add_argument("--headless", action="store_true", help="no window")
    parser.add_argument("--frames", type=int, help="stop after so many")
    parser.add_argument(
        "--warmup", type=int, default=StreamConfig.warmup, help="uncounted inferences"
    )
    parser.add_argument(
        "--threshold", type=float, default=SpellConfig.min_confidence, help="least confidence, 0-1"
    )
    parser.add_argument(
        "--dwell", type=float, default=SpellConfig.dwell_s, help="seconds a letter must be held"
    )
    parser.add_argument("--force", action="store_true", help="replace an output that is there")
    parser.add_argument("--record", type=Path, help="also write the run record to this file")


def config_of(args: argparse.Namespace) -> StreamConfig:
    """Return the configuration that the options ask for.

    Raises:
        DataError: If a number is out of range.
    """
    if not 0 <= args.threshold <= 1 or not 0 <= args.dwell < math.inf or args.warmup < 0:
        raise DataError(
            "--threshold must be 0-1, --dwell and --warmup at least 0,"
            f" got {args.threshold}, {args.dwell}, {args.warmup}"
        )
    if args.frames is not None and args.frames < 1:
        raise DataError(f"--frames must be at least 1, got {args.frames}")
    return StreamConfig(args.warmup, args.frames, SpellConfig(args.threshold, args.dwell))


def stream(
    args: argparse.Namespace,
    make_runner: MakeRunner,
    open_bare: OpenModel,
    open_input: OpenInput = open_source,
    complete: Complete = lambda result: result.record,
) -> int:
    """Run the application with a runner and print its record; returns the exit code.

    Args:
        args: Of a parser with add_stream_options.
        make_runner: Makes the runner of a model.
        open_bare: Makes the manifest of an .xmodel file that comes without one.
        open_input: Opens the input.
        complete: Makes the record of what a run left.
    """
    config = config_of(args)
    _check_output(args)
    manifest = open_model(args.model, open_bare)
    runner = make_runner(manifest)
    try:
        source = open_input(args.input)
        result = run_stream(source, runner, manifest, (args.output, args.headless), config)
    finally:
        runner.close()
    record = complete(result)
    if args.record:
        files.write_json(args.record, record)
    print_result(record, args.json, describe(record))
    return EXIT_INTERRUPTED if result.interrupted else EXIT_OK


def open_model(path: Path, open_bare: OpenModel) -> Manifest:
    """Return the manifest of a model folder, or of an .xmodel file, which may have one beside it.

    Raises:
        ModelError: If there is no such folder or file.
    """
    if path.suffix != ".xmodel":
        return load_manifest(path)
    if not path.is_file():
        raise ModelError(f"model must be a folder or a compiled .xmodel, got none at {path}")
    if (path.parent / NAME).is_file():
        manifest = load_manifest(path.parent)
        if manifest.xmodel.resolve() == path.resolve():
            return manifest
    return open_bare(path)


def _check_output(args: argparse.Namespace) -> None:
    """Refuse to overwrite; say what is wrong with an output before hours of streaming, not after."""
    if args.record:
        files.check_writable(args.record)
    if args.output is None or args.output in ("none", "display://"):
        return
    output = Path(
        args.output[len("file://") :] if args.output.startswith("file://") else args.output
    )
    if output.is_dir():
        raise OutputError(f"video must be a file, got a folder at {output}")
    if output.exists() and not args.force:
        raise OutputError(f"video must be new, got a file that is there at {output}; use --force")
    if output.exists() and Path(args.input).exists() and output.samefile(args.input):
        raise OutputError(f"output must not be the input, got {output} for both")


def run_stream(
    source: Source,
    runner: Runner,
    manifest: Manifest,
    output: Tuple[Optional[str], bool],
    config: StreamConfig,
) -> StreamResult:
    """Run the application and close source and sinks, whatever happens.

    Args:
        source: Is closed.
        runner: Is not closed.
        manifest: Of the model.
        output: Output URI or None, and whether to go without a window.
        config: How.
    """
    sinks: List[Any] = []
    try:
        sinks = open_sinks(output[0], output[1], source.fps)
        app = App(source, runner, manifest, sinks, config)
        result = app.run()
        source.close()
        for sink in sinks:
            sink.finish()
        # Only now is the count of dropped frames final.
        return result._replace(record=app.record())
    finally:
        source.close()
        for sink in sinks:
            sink.close()


def describe(record: Dict[str, Any]) -> str:
    """Return a record as a few lines for a person."""
    kind = {"emulated": " (emulated: this computer's times, not the DPU's)"}.get(record["kind"], "")
    lines = [
        f"{record['frames']} frames, {record['dropped']} dropped,"
        f" {record['throughput_fps'] or 0:.1f} fps on {record['runner']}{kind}"
    ]
    lines += [
        f"  {stage:12} p50 {summary['p50']:8.3f}  p90 {summary['p90']:8.3f}  p99 {summary['p99']:8.3f} ms"
        for stage, summary in record["stages"].items()
    ]
    lines.append(f"  text: {record.get('text') or '-'}")
    if "truth" in record:
        truth, clock = record["truth"], record["camera"]["clock"]
        lines.append(
            f"  rendered camera, {clock} clock: {truth['right']} of {truth['holds']} letters held were"
            f" read right in the middle, {truth['frames_right']} of {truth['frames']} frames;"
            f" {record['camera'].get('missed', 0)} frames came too late to be drawn"
        )
    if record["why"]:
        lines.append(f"  not valid as a benchmark: {'; '.join(record['why'])}")
    return "\n".join(lines)
