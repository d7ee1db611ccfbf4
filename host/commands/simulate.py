"""Run the board's application on the emulator: same frames, same code, same letters, no board.

    python -m host simulate hands://HELLO --headless
    python -m host simulate clip.mp4 signs.avi --model models/signnet
    python -m host simulate photos/ --headless --json
    python -m host simulate hands://HELLO http://:8080     a page to look at
    python -m host simulate 0 display:// record.avi --words words.txt
    python -m host simulate photos/ --model someone_elses.xmodel

Letters are bit for bit those of the DPU; times are those of this computer. hands://TEXT is a camera of
rendered hands, so that nothing is needed, not even a camera; how many of its letters were read right stands
in the record, and --truth FILE keeps what every frame showed. Its options:

    hands://TEXT?fps=30&size=640x480&signer=10011&hold=1.0&clock=virtual|real&seed=1&repeat=1
        &background=calm|any|wall|gradient|texture|room|clutter|face|dark&timecode=on

With clock=virtual (without a window) every frame is processed; with clock=real (with one) frames come at
their time and late ones are lost. Signers from 10000 on are never trained on.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from host.data.hands.camera import HandsCamera, open_hands
from host.data.hands.judge import Readings, add_truth
from host.data.hands.uri import FORM, REAL, SCHEME, VIRTUAL
from host.dpu.engines.base import ENGINES
from host.paths import RELEASED
from host.runners.emulator import EmulatorRunner, dpu_doors
from host.xmodel.reader import read_xmodel
from target import files
from target.app import StreamResult
from target.camera.base import Source
from target.camera.flipped import Flipped
from target.camera.open import InputOptions, open_source
from target.command_line import make_parser, parse_mixed, start_log
from target.errors import SourceError, exit_code_of
from target.manifest import Manifest, TensorFacts, implied_manifest
from target.show.open import video_path
from target.stream import Doors, stream
from target.streaming_options import add_stream_options


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = make_parser("python -m host simulate", __doc__)
    add_stream_options(parser, RELEASED / "signnet")
    parser.add_argument("--engine", default="auto", help=f"auto or one of {', '.join(ENGINES)}")
    parser.add_argument(
        "--truth", type=Path, help="of hands://, one JSON object a frame into this file"
    )
    args = parse_mixed(parser, argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    door = _Door(args)
    if args.truth and not args.input.lower().startswith(SCHEME):
        raise SourceError(f"--truth needs an input of {FORM}, got '{args.input}'")
    return stream(
        args,
        Doors(
            lambda m: EmulatorRunner(m, args.engine),
            open_bare,
            door.open,
            door.readings,
            door.complete,
            door.keep,
            [args.truth] if args.truth else [],
        ),
    )


class _Door:
    """Opens the input, and afterwards joins what a rendered camera showed with what was read."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._camera: HandsCamera | None = None
        is_judged = args.input.lower().startswith(SCHEME)
        self.readings = Readings() if is_judged else None

    def open(self, uri: str, options: InputOptions) -> Source:
        if not uri.lower().startswith(SCHEME):
            return open_source(uri, options)
        if options.loop:
            raise SourceError("--loop is for files; a rendered camera has ?repeat=0")
        uri = SCHEME + uri[len(SCHEME) :]
        self._camera, source = open_hands(uri, REAL if self._is_watched() else VIRTUAL)
        if self._camera.frames is None and not self._args.truth and self.readings is not None:
            self._camera.forget_truth()
            self.readings.forget()
        return source if options.flip == "none" else Flipped(source, options.flip)

    def _is_watched(self) -> bool:
        """Whether somebody looks while it runs: then letters are signed at their own pace."""
        shown = [uri for uri in self._args.output if uri != "none" and video_path(uri) is None]
        return bool(shown) or not (self._args.headless or self._args.output)

    def complete(self, result: StreamResult) -> dict[str, Any]:
        if self._camera is None:
            return result.record
        assert self.readings is not None
        return add_truth(self._camera, result.record, self.readings.letters)

    def keep(self) -> None:
        """Write what the frames showed."""
        if self._args.truth and self._camera is not None:
            lines = (json.dumps(dataclasses.asdict(one)) for one in self._camera.truth)
            files.write_bytes(self._args.truth, "".join(f"{line}\n" for line in lines).encode())


def open_bare(xmodel: Path) -> Manifest:
    """Return the manifest of a compiled file that comes without one."""
    source, last = dpu_doors(read_xmodel(xmodel))
    facts = [
        TensorFacts(op.tensor.name, op.tensor.dims, op.tensor.fix_point) for op in (source, last)
    ]
    return implied_manifest(xmodel, *facts)
