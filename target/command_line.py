"""What every command shares: its parser, its log on stderr, its JSON on stdout."""

from __future__ import annotations

import argparse
import json
import logging
import os
import select
import sys
import time
from typing import Any, List, Optional, TextIO

_PIECE = 4096  # bytes that a pipe takes without waiting once it is ready


def make_parser(prog: str, doc: Optional[str]) -> argparse.ArgumentParser:
    """Return a parser whose help is the module's docstring and shows defaults; it has --json."""
    parser = argparse.ArgumentParser(
        prog=prog, description=doc, formatter_class=_DocstringWithDefaults
    )
    parser.add_argument(
        "--json", action="store_true", help="print the result as JSON on stdout, the log on stderr"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress, only warnings")
    return parser


class _DocstringWithDefaults(
    argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter
):
    """Keeps the docstring's lines and appends the default, where there is one, to an option's help."""

    def _get_help_string(self, action: argparse.Action) -> Optional[str]:
        if action.default is None or action.default is False:
            return action.help
        return super()._get_help_string(action)


def parse_mixed(parser: argparse.ArgumentParser, argv: Optional[List[str]]) -> argparse.Namespace:
    """Parse options and outputs in any order; with -- as argparse does it, options first."""
    given = sys.argv[1:] if argv is None else argv
    return parser.parse_args(given) if "--" in given else parser.parse_intermixed_args(given)


def seed(text: str) -> int:
    """Parse a seed, 0 to 2**32 - 1: what every random generator in use takes."""
    value = int(text)
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(f"must be 0 to {2**32 - 1}, got {value}")
    return value


def count(text: str) -> int:
    """Parse a number of things, at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {value}")
    return value


class _ToStderr(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to whatever sys.stderr is at that moment, so that a redirection takes effect."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:
        return sys.stderr


def start_log(quiet: bool = False) -> None:
    """Send log lines to stderr, bare; progress unless `quiet`."""
    logging.basicConfig(
        level=logging.WARNING if quiet else logging.INFO,
        format="%(message)s",
        handlers=[_ToStderr()],
        force=True,
    )


def print_result(result: Any, as_json: bool, text: str, within_s: Optional[float] = None) -> None:
    """Print a command's result: one line of JSON, or the text for a person.

    Args:
        result: For JSON.
        as_json: Which of the two.
        text: For a person.
        within_s: Give up after so long: another thread may wait in stdout for a reader. None for never.
    """
    line = json.dumps(result, ensure_ascii=False) if as_json else text
    coding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        line.encode(coding)
    except UnicodeEncodeError:
        # A file name of half characters, or a terminal that knows ASCII alone.
        escaped = line.encode(coding, "backslashreplace").decode(coding)
        line = json.dumps(result) if as_json else escaped
    if within_s is None:
        print(line, flush=True)
    elif not _write_within(f"{line}\n".encode(coding), within_s):
        print(
            "error: stdout must be read, got no reader; the result is not printed", file=sys.stderr
        )


def _write_within(data: bytes, seconds: float) -> bool:
    """Write past Python's own buffer and its lock; False if the reader took not all of it in time."""
    try:
        place = sys.stdout.fileno()
    except (OSError, ValueError, AttributeError):
        return False
    end = time.monotonic() + seconds
    while data:
        _, ready, _ = select.select([], [place], [], max(end - time.monotonic(), 0))
        if not ready:
            return False
        data = data[os.write(place, data[:_PIECE]) :]
    return True
