"""The error tree of the whole program, and the one place that turns it into exit codes.

    AppError                 anything the user can mend; one line, names the remedy
    |- DataError             images, labels, archives
    |- ModelError            a model file, its manifest, a graph
    |  `- UnlikeError        a baseline that does not answer as its model does
    |- BackendError          a runner or a library that is missing or fails
    |- SourceError           a camera, a video, a folder of images
    `- OutputError           a file, a folder or a display that cannot be written

Message template: `<what> must be <rule>, got <value> [in <where>][; <remedy>]`.
Imports nothing from the project.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
import time
from typing import Any, Callable, Dict, NoReturn

EXIT_OK = 0
EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
_SIGNALLED = 128  # and above: a signal ended the program
_DEAF_S = 3.0
_FLUSH_S = 1.0
_LAST_S = 0.1


class AppError(Exception):
    """An error the user can mend; its text is one line that names the remedy."""


class DataError(AppError):
    """Images, labels or an archive are not what they must be."""


class ModelError(AppError):
    """A model file, a manifest or a graph is not what it must be."""


class UnlikeError(ModelError):
    """A baseline does not answer as the float model does; no time of it would mean anything."""


class BackendError(AppError):
    """A runner or the library behind it is missing or fails."""


class SourceError(AppError):
    """A camera, a video file or a folder of images cannot be read."""


class OutputError(AppError):
    """A file, a folder or a display cannot be written."""


def one_line(text: object) -> str:
    """Return the text of an exception or object as one line."""
    return " ".join(str(text).split())


def end_on_signals() -> Dict[int, Any]:
    """Let Ctrl-C, SIGTERM and SIGHUP end the program as an exception, so that its work is stored.

    What comes within three seconds of the first one is not heard: it would end the ending.

    Returns:
        The handlers that were there before; empty if others than Python's own stay.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}  # only the main thread may
    deaf_until_s = 0.0

    def end(number: int, frame: object) -> None:
        nonlocal deaf_until_s
        if time.monotonic() < deaf_until_s:
            return
        deaf_until_s = time.monotonic() + _DEAF_S
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + number)

    own = (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGTERM, signal.SIG_DFL),
        (signal.SIGHUP, signal.SIG_DFL),
    )
    return {n: signal.signal(n, end) for n, usual in own if signal.getsignal(n) is usual}


def leave(code: int) -> NoReturn:
    """End the process with a command's exit code; never returns.

    A thread that was left (a driver or an encoder that does not come back) aborts the process if the
    interpreter ends under it, and its lock on stdout may be held for ever; another Ctrl-C would kill it.
    TensorFlow's own threads abort it after Ctrl-C now and then.
    """
    until = time.monotonic() + _LAST_S
    while any(one.daemon for one in threading.enumerate()) and time.monotonic() < until:
        time.sleep(0.005)  # it may be about to go
    is_left = any(one.daemon for one in threading.enumerate())
    if not is_left and code < _SIGNALLED:
        sys.exit(code)
    flushing = threading.Thread(target=_flush, daemon=True)
    flushing.start()
    flushing.join(_FLUSH_S)
    os._exit(code)


def _flush() -> None:
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()


def run_process(main: Callable[[], int]) -> NoReturn:
    """Run a program's main and end the process, whatever comes; never returns."""
    end_on_signals()  # until the process is gone
    try:
        code = exit_code_of(main)
    except SystemExit as end:
        if not isinstance(end.code, int) or end.code < _SIGNALLED:
            raise
        code = end.code
    leave(code)


def exit_code_of(body: Callable[[], int]) -> int:
    """Run a command's body and turn what it raises into an exit code and one line.

    Args:
        body: Does the work and returns 0, or another exit code.

    Returns:
        0 done, 1 an error the user can mend (its line is on stderr), 130 for Ctrl-C.

    Raises:
        Exception: Whatever is a defect of the program keeps its traceback.
    """
    before = end_on_signals()
    try:
        return body()
    except AppError as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return EXIT_ERROR
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of stdout went away (`| head`): nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_ERROR
    except OSError as error:
        where = f" in {error.filename}" if error.filename else ""
        reason = error.strerror or one_line(error)
        print(f"error: file access failed: {reason}{where}", file=sys.stderr)
        return EXIT_ERROR
    except MemoryError:
        print("error: out of memory; use a smaller input or fewer images", file=sys.stderr)
        return EXIT_ERROR
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
