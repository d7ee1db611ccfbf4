"""Write a video of test images, each letter held for a while, to stream through the application.

python -m host video build/signs.avi --data data/archive.zip --letters HELLO
"""

from __future__ import annotations

import argparse
from pathlib import Path

from host.data.locate import locate
from host.data.sign_mnist import load_sign_mnist
from host.data.sign_video import VideoConfig, write_sign_video
from host.paths import CACHE, DATA
from target.command_line import make_parser, print_result, start_log
from target.errors import exit_code_of
from target.text.labels import STATIC_LETTERS


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = make_parser("python -m host video", __doc__)
    parser.add_argument("out", type=Path, help=".avi file")
    parser.add_argument("--data", type=Path, default=DATA, help="archive, CSV file or folder")
    parser.add_argument("--letters", default=STATIC_LETTERS, help="in this order; no J, no Z")
    parser.add_argument("--seed", type=int, default=1, help="of the choice of images")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder for parsed data")
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    data = load_sign_mnist(locate(args.data), args.cache)
    config = VideoConfig(args.letters.upper(), seed=args.seed)
    truth = write_sign_video(data.test, config, args.out)
    result = {"video": str(args.out), "frames": len(truth), "truth": "".join(truth)}
    print_result(result, args.json, f"{args.out}: {len(truth)} frames of {config.letters}")
    return 0
