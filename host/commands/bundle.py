"""What goes onto a board, in a folder: the application, one model, their sha256s (host/deploy/LAYOUT.md).

    python -m host bundle models/signnet --out build/releases

make board-image puts it into a card image, make deploy onto a running board.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from host.deploy.release import write_release
from target import files
from target.command_line import make_parser, print_result, start_log
from target.errors import exit_code_of
from target.manifest import load_manifest


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = make_parser("python -m host bundle", __doc__)
    parser.add_argument("model", type=Path, help="model folder")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for the release, which is named by its id"
    )
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    manifest = load_manifest(args.model)
    files.check_writable(args.out / "release.json")
    with tempfile.TemporaryDirectory(prefix=".release-", dir=args.out) as made:
        release = write_release(Path(made) / "release", manifest)
        folder = args.out / release["id"]
        if folder.exists():  # the same files, unless somebody changed one
            folder.rename(Path(made) / "old")
        shutil.move(Path(made) / "release", folder)
    result = {"folder": str(folder), "id": release["id"], "model": release["model"]}
    print_result(result, args.json, str(folder))
    return 0
