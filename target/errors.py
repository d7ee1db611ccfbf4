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

import os
import signal
import sys
import threading
from typing import Callable

EXIT_OK = 0
EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


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


def _end_on_signals() -> None:
    """Let SIGTERM and SIGHUP end the program as an exception, so that temporary files go."""

    def end(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        return  # only the main thread may
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, end)


def exit_code_of(body: Callable[[], int]) -> int:
    """Run a command's body and turn what it raises into an exit code and one line.

    Args:
        body: Does the work and returns 0, or another exit code.

    Returns:
        0 done, 1 an error the user can mend (its line is on stderr), 130 for Ctrl-C.

    Raises:
        Exception: Whatever is a defect of the program keeps its traceback.
    """
    _end_on_signals()
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
