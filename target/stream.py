"""Runs the application from the command line: options in, record out. Shared with the emulator's command."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence

from target import files
from target.app import App, StreamConfig, StreamResult
from target.camera.base import Source
from target.camera.open import InputOptions, open_source
from target.command_line import print_result
from target.errors import EXIT_ERROR, EXIT_OK, AppError, ModelError, OutputError, one_line
from target.manifest import NAME, Manifest, load_manifest
from target.pipeline.controls import Controls
from target.pipeline.worker import Watch
from target.runners.base import Runner
from target.service.keeper import Keeper
from target.show.base import Sink
from target.show.capture import Collector
from target.show.open import open_sinks, video_path
from target.streaming_options import (
    config_of,
    controls_of,
    input_options_of,
    output_options_of,
)
from target.text.words import Suggester, read_words

MakeRunner = Callable[[Manifest], Runner]
OpenModel = Callable[[Path], Manifest]
OpenInput = Callable[[str, InputOptions], Source]
Complete = Callable[[StreamResult], Dict[str, Any]]
_PRINT_S = 1.0  # for a record, where an output was left that may hold stdout


@dataclasses.dataclass(frozen=True)
class Doors:
    """How a command reaches what it runs on.

    Attributes:
        make_runner: Makes the runner of a model.
        open_bare: Makes the manifest of an .xmodel file that comes without one.
        open_input: Opens the input.
        watch: Is told of every processed frame; None for nobody.
        complete: Makes the record of what a run left.
        keep: Writes what else the command keeps of it, once the record is printed.
        kept: Files that `keep` writes.
    """

    make_runner: MakeRunner
    open_bare: OpenModel
    open_input: OpenInput = open_source
    watch: Optional[Watch] = None
    complete: Complete = lambda result: result.record
    keep: Callable[[], None] = lambda: None
    kept: Sequence[Path] = ()


def stream(args: argparse.Namespace, doors: Doors) -> int:
    """Run the application with a runner and print its record; returns the exit code.

    Args:
        args: Of a parser with add_stream_options.
        doors: What it runs on.
    """
    config = config_of(args)
    controls = controls_of(args, config.spell)
    options = input_options_of(args)
    _check_outputs(args.input, args.output, args.force, [args.record, *doors.kept])
    suggester = Suggester(read_words(args.words)) if args.words else None
    collector = Collector(args.capture, controls=controls) if args.capture else None
    manifest = open_model(args.model, doors.open_bare)
    runner = doors.make_runner(manifest)
    hung = left = False
    try:
        source = doors.open_input(args.input, options)
        try:
            outputs = output_options_of(args, source.fps)
            sinks = open_sinks(args.output, outputs, controls, collector)
            keeper = Keeper(manifest, runner, args.health)
            config = dataclasses.replace(config, sweep=_wants_sweep(args, source))
            app = App(
                source, runner, manifest, sinks, config, controls, suggester, doors.watch, keeper
            )
        except BaseException:
            source.close()
            raise
        result = app.run()
        hung, left = app.is_hung(), app.has_left()
    finally:
        if not hung:  # a runner that does not come back cannot be closed
            runner.close()
    return _report(args, doors, result, left)


def _wants_sweep(args: argparse.Namespace, source: Source) -> bool:
    if args.sweep is not None:
        return bool(args.sweep)
    return source.live or bool(getattr(source, "like_a_camera", False))


def _report(args: argparse.Namespace, doors: Doors, result: StreamResult, left: bool) -> int:
    """Print the record, then write what was asked for: a file that cannot be written costs no other one."""
    record, errors = doors.complete(result), [result.error]
    writes = [doors.keep]
    if args.record:
        writes.insert(0, lambda: files.write_json(args.record, record))
    broken: Optional[OSError] = None
    try:
        print_result(record, args.json, describe(record), within_s=_PRINT_S if left else None)
    except OSError as reason:  # nobody reads any more, or stdout is a file on a full disk
        broken = reason
    for write in writes:
        try:
            write()
        except AppError as fault:
            errors.append(fault)
    for error in filter(None, errors):
        print(f"error: {one_line(error)}", file=sys.stderr)
    if broken is not None:
        raise broken
    return result.code or (EXIT_ERROR if any(errors) else EXIT_OK)


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


def _check_outputs(
    source: str, outputs: Sequence[str], force: bool, others: Sequence[Optional[Path]]
) -> None:
    """Refuse to overwrite; say what is wrong with an output before hours of streaming, not after.

    Args:
        source: The input.
        outputs: URIs.
        force: Replace a video that is there.
        others: Files that are written besides, and replace what is there; None for none.

    Raises:
        OutputError: If two are one file, or one cannot be written.
    """
    taken = {Path(os.path.realpath(source.partition("file://")[2] or source)): "the input"}
    for uri in outputs:
        video = video_path(uri)
        if video is None:
            continue
        if video.is_dir():
            raise OutputError(f"video must be a file, got a folder at {video}")
        if video.exists() and not force:
            raise OutputError(
                f"video must be new, got a file that is there at {video}; use --force"
            )
        _take(taken, video, "a video")
    for other in filter(None, others):
        files.check_writable(other, special=True)
        if not other.exists() or other.is_file():
            _take(taken, other, "a file of results")


def _take(taken: Dict[Path, str], path: Path, what: str) -> None:
    whole = Path(os.path.realpath(path))
    if whole in taken:
        raise OutputError(
            f"output must not be the input, nor two outputs one file, got {path} for {taken[whole]}"
            f" and {what}"
        )
    taken[whole] = what


def run_stream(
    source: Source,
    runner: Runner,
    manifest: Manifest,
    sinks: List[Sink],
    config: StreamConfig,
    watch: Optional[Watch] = None,
) -> StreamResult:
    """Run the application and close the source, whatever happens; an error is raised, not returned.

    Args:
        source: Is closed.
        runner: Is not closed.
        manifest: Of the model.
        sinks: Outputs.
        config: How.
        watch: Is told of every processed frame.
    """
    controls = Controls(spell=config.spell)
    result = App(source, runner, manifest, sinks, config, controls, None, watch).run()
    if result.error is not None:
        raise result.error
    if result.code != EXIT_OK:
        raise KeyboardInterrupt
    return result


def describe(record: Dict[str, Any]) -> str:
    """Return a record as a few lines for a person."""
    kind = {"emulated": " (emulated: this computer's times, not the DPU's)"}.get(record["kind"], "")
    lines = [
        f"{record['frames']} frames, {record['dropped']} dropped,"
        f" {record['throughput_fps'] or 0:.1f} fps on {record['runner']}{kind}"
    ]
    timed = dict(record["stages"])
    if record.get("glass_to_glass_ms"):
        timed["glass to glass"] = record["glass_to_glass_ms"]
    lines += [
        f"  {stage:14} p50 {summary['p50']:8.3f}  p90 {summary['p90']:8.3f}  p99 {summary['p99']:8.3f} ms"
        for stage, summary in timed.items()
    ]
    if "overhead_us" in record:
        lines.append(
            f"  our own work beyond crop and resize ({record['resize_us']:.0f} us): median"
            f" {record['overhead_us']:.0f} us a frame"
        )
    for output in record.get("outputs", []):
        if output["error"]:
            lines.append(f"  output {output['name']} was lost: {output['error']}")
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
