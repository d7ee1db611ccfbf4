"""python3 -m board_image IMAGE OUT: AMD's image, this application and a configuration -> a card image.

    python3 -m board_image xilinx-zcu104-dpu-v2022.2-v3.0.0.img.gz sd.img --release FOLDER

IMAGE may be .img, .gz, .xz or .zip; it is only read. Nothing is mounted and no root is needed. What
was written is read back, and fsck looks at both file systems. `make board-image` calls this.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from board_image.build import Order, make_image
from board_image.config import load_config
from board_image.errors import ImageError
from board_image.release import read_release

HERE = Path(__file__).resolve().parent


def main(argv: Sequence[str] | None = None) -> int:
    """Make the image; returns 0, 1 after an error with its line on stderr, or 130 for Ctrl-C."""
    args = _parser().parse_args(argv)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)  # as an exception, so that the unfinished image goes
    try:
        config = load_config(args.config)
        if config.application.install and args.release is None:
            raise ImageError(
                "release must be given to be installed, got none; use make board-image, add --release,"
                f" or set application.install = false in {args.config}"
            )
        release = read_release(args.release) if config.application.install else None
        order = Order(args.image, args.out, config, release, args.files, args.force)
        made = make_image(order, lambda line: None if args.quiet else print(line, file=sys.stderr))
    except ImageError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    except OSError as error:
        where = f" in {error.filename}" if error.filename else ""
        print(f"error: file access failed: {error.strerror or error}{where}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    print(json.dumps(made) if args.json else _text(made))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m board_image",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("image", type=Path, help="AMD's image for the ZCU104")
    parser.add_argument("out", type=Path, help="the card image to make")
    parser.add_argument(
        "--config",
        type=Path,
        default=HERE / "board.toml",
        help="what to change (default: board_image/board.toml)",
    )
    parser.add_argument("--release", type=Path, help="folder of the release to install")
    parser.add_argument(
        "--files",
        type=Path,
        default=HERE.parent / "host" / "deploy" / "files",
        help="folder of the service's files (default: host/deploy/files)",
    )
    parser.add_argument("--force", action="store_true", help="overwrite OUT")
    parser.add_argument("--json", action="store_true", help="print the result as JSON on stdout")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    return parser


def _text(made: dict[str, object]) -> str:
    lines = [f"note: {note}" for note in made["notes"]]  # type: ignore[attr-defined]
    size, free = int(str(made["bytes"])), int(str(made["root_free_bytes"]))
    lines.append(f"{made['out']}: {size // 10**6} MB, {free // 10**6} MB free for root")
    lines += [f"live page: {made['page']}"] if made["page"] else []
    lines.append(f"write it: sudo dd if={made['out']} of=/dev/sdX bs=4M conv=fsync status=progress")
    return "\n".join(lines)


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
