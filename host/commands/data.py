"""Find, check and describe Sign Language MNIST, or say how to get it.

    python -m host data --data data/
    python -m host data --data hands       # draws the rendered hands and keeps them

The data set needs a Kaggle account. If the `kaggle` command line tool is installed and configured,
it is used to fetch the archive into data/; nothing is ever asked.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from host.data.load import is_rendered, load_test_samples, load_training_samples
from host.data.locate import locate
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
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args.data, args.cache, args.json))


def _run(path: Path, cache: Path, as_json: bool) -> int:
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
    }
    text = (
        f"{found}: {len(train)} training and {len(test)} test images"
        f" of {len(result['per_letter'])} letters, sha256 {train.sha256[:16]}..."
    )
    print_result(result, as_json, text)
    return 0


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
