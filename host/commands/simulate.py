"""Run the board's application on the emulator: same frames, same code, same letters, no board.

    python -m host simulate clip.mp4 signs.avi --model models/signnet
    python -m host simulate photos/ --headless --json
    python -m host simulate photos/ --model someone_elses.xmodel

Letters are bit for bit those of the DPU; times are those of this computer.
"""

from __future__ import annotations

from pathlib import Path

from host.dpu.engines.base import ENGINES
from host.paths import RELEASED
from host.runners.emulator import EmulatorRunner, dpu_doors
from host.xmodel.reader import read_xmodel
from target.command_line import make_parser, start_log
from target.errors import exit_code_of
from target.manifest import Manifest, TensorFacts, implied_manifest
from target.stream import add_stream_options, stream


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = make_parser("python -m host simulate", __doc__)
    add_stream_options(parser, RELEASED / "signnet")
    parser.add_argument("--engine", default="auto", help=f"auto or one of {', '.join(ENGINES)}")
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: stream(args, lambda m: EmulatorRunner(m, args.engine), open_bare))


def open_bare(xmodel: Path) -> Manifest:
    """Return the manifest of a compiled file that comes without one."""
    source, last = dpu_doors(read_xmodel(xmodel))
    facts = [
        TensorFacts(op.tensor.name, op.tensor.dims, op.tensor.fix_point) for op in (source, last)
    ]
    return implied_manifest(xmodel, *facts)
