"""Find, check and describe Sign Language MNIST and the free sets of photos, or say how to get them.

    python -m host data --data data/
    python -m host data --data hands       # draws the rendered hands and keeps them
    python -m host data --import davidlee "American Sign Language Letters.zip"
    python -m host data --import students Sign-Language-Digits-Dataset-master.zip

The data set needs a Kaggle account. If the `kaggle` command line tool is installed and configured,
it is used to fetch the archive into data/; nothing is ever asked.

--import makes an .npz file of a downloaded set of photos, a zip file or the folder it was unpacked to. It
is written into the folder of --data, or into data/ if --data is no folder. `davidlee` takes what Roboflow
exports as COCO, Pascal VOC or YOLO. Exports and pictures differ from one version to the next: a file made
this way need not be bit-equal to the one that the released weights were trained on.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from host.data.imports.make import READERS, make_photo_set
from host.data.load import is_rendered, load_test_samples, load_training_samples
from host.data.locate import locate
from host.data.mixture import PHOTO_SETS, find_photo_set, how_to_get
from host.data.sign_mnist import load_sign_mnist
from host.paths import CACHE, DATA
from target.command_line import make_parser, print_result, start_log
from target.errors import DataError, exit_code_of
from target.text.labels import letter_of

SLUG = "datamunge/sign-language-mnist"
_DOWNLOAD_TIMEOUT_S = 600
_log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = make_parser("python -m host data", __doc__)
    parser.add_argument(
        "--data", type=Path, default=DATA, help="archive, CSV file, folder, or hands"
    )
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder for the parsed copy")
    parser.add_argument(
        "--import",
        dest="download",
        nargs=2,
        metavar=("SET", "FILE"),
        help=f"make the .npz file of a downloaded set of photos ({', '.join(READERS)})",
    )
    parser.add_argument("--force", action="store_true", help="replace an .npz file that is there")
    args = parser.parse_args(argv)
    if args.download and args.download[0] not in READERS:
        parser.error(f"--import: SET must be one of {', '.join(READERS)}, got '{args.download[0]}'")
    start_log(args.quiet)
    return exit_code_of(lambda: _import(args) if args.download else _run(args))


def _import(args: argparse.Namespace) -> int:
    name, path = args.download
    folder = args.data if args.data.is_dir() else DATA
    made = make_photo_set(name, Path(path), folder, args.force)
    known = PHOTO_SETS[name]
    result = {
        "set": name,
        **dataclasses.asdict(made),
        "file": str(made.file),
        "title": known.title,
        "licence": known.licence,
        "source": known.source,
    }
    counts = " ".join(f"{letter} {count}" for letter, count in made.per_letter.items())
    text = (
        f"{made.file}: {made.images} images of {len(made.per_letter)} letters ({counts})"
        + (f", {made.source_photos} source photos" if made.source_photos else "")
        + (f", {made.signers} signers" if made.signers else "")
        + f"\n{known.title}, licence: {known.licence}, {known.source}"
        + "\nIt need not be bit-equal to the file that the released weights were trained on."
    )
    print_result(result, args.json, text)
    return 0


def _run(args: argparse.Namespace) -> int:
    path: Path = args.data
    cache: Path = args.cache
    if is_rendered(path):
        found = path
        train, test = load_training_samples(path, cache), load_test_samples(path, cache)
    else:
        found = _locate_or_download(path)
        data = load_sign_mnist(found, cache)
        train, test = data.train, data.test
    result: dict[str, Any] = {
        "path": str(found),
        "sha256": train.sha256,
        "train": len(train),
        "test": len(test),
        "per_letter": {
            letter_of(int(label)): int(count)
            for label, count in zip(*np.unique(train.labels, return_counts=True))
        },
        "photo_sets": {name: _photo_set(name, found) for name in PHOTO_SETS},
    }
    text = (
        f"{found}: {len(train)} training and {len(test)} test images"
        f" of {len(result['per_letter'])} letters, sha256 {train.sha256[:16]}..."
    )
    lines = (_line(name, facts) for name, facts in result["photo_sets"].items())
    print_result(result, args.json, "\n".join((text, *lines)))
    return 0


def _photo_set(name: str, data: Path) -> dict[str, str | None]:
    """Return what is known of a set of photos; its file is None if it is missing."""
    known, place = PHOTO_SETS[name], find_photo_set(name, data)
    return {
        "file": None if place is None else str(place),
        "title": known.title,
        "licence": known.licence,
        "source": known.source,
        "how_to_get": how_to_get(name),
    }


def _line(name: str, facts: dict[str, str | None]) -> str:
    if facts["file"] is None:
        return f"photos '{name}' are missing: {facts['how_to_get']}"
    return f"photos '{name}' are there: {facts['title']} ({facts['licence']}) in {facts['file']}"


def _locate_or_download(path: Path) -> Path:
    try:
        return locate(path)
    except DataError:
        if path != DATA or not _download(path):
            raise
        return locate(path)


def _download(folder: Path) -> bool:
    """Fetch the archive with the kaggle tool if it is configured; says what happened."""
    configured = (Path.home() / ".kaggle" / "kaggle.json").is_file() or "KAGGLE_KEY" in os.environ
    if shutil.which("kaggle") is None or not configured:
        _log.info("no data in %s and no configured kaggle tool", folder)
        return False
    _log.info("fetching %s with the kaggle tool", SLUG)
    command = ["kaggle", "datasets", "download", "-d", SLUG, "-p", str(folder)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_DOWNLOAD_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        _log.warning("the kaggle tool gave no answer within %d s", _DOWNLOAD_TIMEOUT_S)
        return False
    if done.returncode:
        _log.warning("the kaggle tool failed: %s", " ".join(done.stderr.split())[:200])
    return done.returncode == 0
