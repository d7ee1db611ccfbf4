"""The job folder as the container sees it: its settings, its arrays, its results, its errors."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import traceback
from typing import Any, Callable, Dict, Iterator, List, Optional

import numpy as np

FORMAT = 1


def one_line(text: object) -> str:
    """Return the text of an error as one line."""
    return " ".join(str(text).split())


class JobError(Exception):
    """Something that the person who runs the job can mend; one line that names the remedy."""


def load_json(folder: str, name: str) -> Dict[str, Any]:
    """Return the content of a JSON file of the job.

    Raises:
        JobError: If it is missing, no JSON object, or of another format.
    """
    path = os.path.join(folder, name)
    remedy = "write the job with python -m host quantize --toolchain vitis"
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except (OSError, ValueError) as error:
        raise JobError(f"job folder must hold {name}, got '{error}' at {path}; {remedy}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise JobError(
            f"{name} must be an object of format {FORMAT}, got another at {path}; {remedy}"
        )
    return content


def load_arrays(folder: str, name: str) -> Dict[str, np.ndarray]:
    """Return the arrays of an .npz file of the job.

    Raises:
        JobError: If it cannot be read.
    """
    path = os.path.join(folder, name)
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}
    except Exception as error:  # numpy and zipfile raise many kinds for a damaged file
        raise JobError(
            f"job must hold the arrays of {name}, got '{one_line(error)}' at {path}; write the job again"
        ) from error


def write_json(path: str, content: Any) -> None:
    """Write indented JSON."""
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
        file.write("\n")


@contextlib.contextmanager
def results(folder: str, name: str) -> Iterator[str]:
    """Yield a fresh folder for results; it takes the place of `name` in the job if the body succeeds.

    Whatever fails, or has ended an earlier run, one of the two is there afterwards.
    """
    final = os.path.join(folder, name)
    fresh, old = final + ".new", final + ".old"
    _clear(final, fresh, old)
    try:
        os.makedirs(fresh)
    except OSError as error:
        raise JobError(
            f"job folder must be writable, got '{error.strerror}' at {folder}; run the container as the"
            " user who owns it"
        ) from error
    try:
        yield fresh
        if os.path.isdir(final):
            os.rename(final, old)
        os.rename(fresh, final)
    finally:
        _clear(final, fresh, old)


def _clear(final: str, fresh: str, old: str) -> None:
    """Put old results back if there are no others, then remove what is left over."""
    if not os.path.isdir(final) and os.path.isdir(old):
        with contextlib.suppress(OSError):
            os.rename(old, final)
    shutil.rmtree(fresh, ignore_errors=True)
    if os.path.isdir(final):
        shutil.rmtree(old, ignore_errors=True)


def run(body: Callable[[str], None], doc: Optional[str], argv: Optional[List[str]] = None) -> int:
    """Run a step on the job folder named on the command line; returns the exit code.

    Errors are one line on stderr; the traceback of an unexpected one goes to error.txt in the job.
    """
    args = sys.argv[1:] if argv is None else argv
    if len(args) != 1 or args[0] in ("-h", "--help"):
        print((doc or "").strip())
        return 0 if args and args[0] in ("-h", "--help") else 2
    try:
        body(args[0])
    except JobError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except Exception as error:  # AMD's tools raise all kinds
        path = os.path.join(args[0], "error.txt")
        with contextlib.suppress(OSError), open(path, "w", encoding="utf-8") as file:
            file.write(traceback.format_exc())
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:400]
        print(
            f"error: step must run to its end, got '{reason}'; details in error.txt of the job",
            file=sys.stderr,
        )
        return 1
    return 0
