"""Run the board's application on the emulator: same frames, same code, same letters, no board.

    python -m host simulate clip.mp4 signs.avi --model models/signnet
    python -m host simulate photos/ --headless --json

Letters are bit for bit those of the DPU; times are those of this computer.
"""

from __future__ import annotations

from host.paths import RELEASED
from host.runners.emulator import EmulatorRunner
from target.command_line import make_parser, start_log
from target.errors import exit_code_of
from target.stream import add_stream_options, stream


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = make_parser("python -m host simulate", __doc__)
    add_stream_options(parser, RELEASED / "signnet")
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: stream(args, EmulatorRunner))
