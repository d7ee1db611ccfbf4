"""Collect photos of your own hand, letter by letter: what finetuning takes.

    python3 -m target capture 0 --out photos/                    a window; keys A to Y store
    python3 -m target capture 0 http://:8080 --out photos/       buttons on a page
    python3 -m target capture clip.mp4 --out photos/ --letter A --every 0.5

Shows the picture, what the network sees of it, and how many crops each letter has. A key stores the crop
under its letter; one too much like another is refused. Backspace takes the last one back, Escape stops.
Without a window or a page, --letter and --every store by themselves; of a folder, every picture. The model
is not run: any model's crop rule will do.

Afterwards, on the workstation: python -m host finetune models/signnet --images photos/
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional

from target.app import App, StreamConfig
from target.camera.open import open_source
from target.command_line import make_parser, parse_mixed, print_result, start_log
from target.errors import DataError, ModelError, OutputError, exit_code_of, one_line
from target.manifest import Manifest, default_model
from target.runners.null import NullRunner
from target.show.base import Sink
from target.show.capture import WANTED, Collector, check_letter
from target.show.collecting import CollectingSink, CollectingWindow
from target.show.open import WINDOW, open_sinks, video_path
from target.show.window import check_display
from target.stream import open_model
from target.streaming_options import (
    add_input_options,
    add_model_options,
    controls_of,
    input_options_of,
    output_options_of,
)
from target.text.speller import SpellConfig


def main(argv: Optional[List[str]] = None) -> int:
    """Run the command."""
    parser = make_parser("python -m target capture", __doc__)
    parser.add_argument("input", help="a camera, a stream, a video file or a folder, as for run")
    parser.add_argument(
        "output", nargs="*", help="display:// or http://:8080; a window if not given"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the photos")
    parser.add_argument("--wanted", type=int, default=WANTED, help="photos a letter")
    parser.add_argument("--letter", help="store every so often under this letter, without a key")
    parser.add_argument(
        "--every", type=float, default=0.5, help="seconds between two, with --letter"
    )
    parser.add_argument("--headless", action="store_true", help="no window")
    parser.add_argument("--frames", type=int, help="stop after so many")
    add_model_options(parser, default_model())
    add_input_options(parser)
    args = parse_mixed(parser, argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args))


def _refuse_bare(xmodel: Path) -> Manifest:
    raise ModelError(
        f"capture must know the crop from a model's manifest, got an .xmodel without one: {xmodel}"
    )


def _run(args: Any) -> int:
    if args.wanted < 1 or not args.every > 0:
        raise DataError(
            f"--wanted must be at least 1 and --every more than 0, got {args.wanted}, {args.every}"
        )
    if args.frames is not None and args.frames < 1:
        raise DataError(f"--frames must be at least 1, got {args.frames}")
    if args.letter is not None:
        check_letter(args.letter, "--letter")
    video = next((uri for uri in args.output if video_path(uri) is not None), None)
    if video is not None:
        raise OutputError(
            f"capture must show a window or a page, got {video}; record with run, not here"
        )
    controls = controls_of(args, SpellConfig(motion=False))
    options = input_options_of(args)
    manifest = open_model(args.model, _refuse_bare)
    collector = Collector(args.out, args.wanted, controls)
    source = open_source(args.input, options)
    try:
        sinks: List[Sink] = []
        if args.letter is not None:
            timed = source.live or source.fps is not None  # pictures of a folder have no time
            every_s = args.every if timed else 0.0
            sinks.append(CollectingSink(collector, args.letter, every_s, controls))
        shown = [uri for uri in args.output if uri != WINDOW]
        if shown:
            sinks += open_sinks(shown, output_options_of(args, source.fps), controls, collector)
        if (WINDOW in args.output or not (shown or args.letter)) and not args.headless:
            try:
                check_display()
            except OutputError as error:
                reason = one_line(error).partition(";")[0]
                raise OutputError(
                    f"{reason}; use http://:8080, or --letter and --headless"
                ) from error
            sinks.append(CollectingWindow(controls, collector))
        if not sinks:
            raise DataError("capture must have a window, a page or --letter, got none of them")
        config = StreamConfig(warmup=0, max_frames=args.frames, spell=controls.spell)
        app = App(source, NullRunner(manifest), manifest, sinks, config, controls)
    except BaseException:
        source.close()
        raise
    result = app.run()
    if result.error is not None:
        raise result.error
    counts = collector.counts()
    facts: Dict[str, Any] = {"folder": str(args.out), "photos": sum(counts.values()), **counts}
    missing = [letter for letter, count in counts.items() if count < args.wanted]
    text = f"{facts['photos']} photos in {args.out}"
    if missing:
        text += f"; fewer than {args.wanted} of {' '.join(missing)}"
    else:
        text += f"; now python -m host finetune {args.model} --images {args.out}"
    print_result(facts, args.json, text)
    return result.code
