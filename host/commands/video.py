"""Write a video of test images, each letter held for a while, to stream through the application.

python -m host video build/signs.avi --data data/archive.zip --letters HELLO
"""

from __future__ import annotations

import argparse
from pathlib import Path

from host.data.load import load_test_samples
from host.data.sign_video import VideoConfig, write_sign_video
from host.paths import CACHE, DATA
from target.command_line import make_parser, print_result, seed, start_log
from target.errors import DataError, exit_code_of
from target.text.labels import STATIC_LETTERS


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = make_parser("python -m host video", __doc__)
    parser.add_argument("out", type=Path, help=".avi file")
    parser.add_argument("--data", type=Path, default=DATA, help="data set or folder of photos")
    parser.add_argument("--letters", default=STATIC_LETTERS, help="in this order; no J, no Z")
    parser.add_argument("--seed", type=seed, default=1, help="of the choice of images")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder for parsed data")
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    if args.out.suffix != ".avi" or not args.letters:
        raise DataError(f"video must be an .avi file of at least one letter, got '{args.out.name}'")
    samples = load_test_samples(args.data, args.cache)
    config = VideoConfig(args.letters.upper(), seed=args.seed)
    truth = write_sign_video(samples, config, args.out)
    result = {"video": str(args.out), "frames": len(truth), "truth": "".join(truth)}
    print_result(result, args.json, f"{args.out}: {len(truth)} frames of {config.letters}")
    return 0
