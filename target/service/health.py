"""The health of a running service, asked over a Unix socket: one line of JSON a connection, then the end.

    {"release": "3f..", "model": "signnet", "golden": {"vectors": 24, "wrong": 0}, "ok": true, "why": "", ..}

Whoever connects is answered; nothing is read. The socket is for the service's own user and root.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, Optional

from target.errors import BackendError, OutputError

DEFAULT_SOCKET = Path("/run/asl/health.sock")
_log = logging.getLogger(__name__)
_LONGEST_PATH = 107  # bytes of a socket's name, sockaddr_un
_MOST_BYTES = 1 << 16  # of an answer
_SEND_S = 2.0
_PAUSE_S = 0.5  # after a connection that could not be taken


class HealthServer:
    """Answers at a socket, one connection at a time.

    Args:
        path: Of the socket; one that is there is replaced.
        answer: Makes the answer; called in this server's thread.

    Raises:
        OutputError: If the socket cannot be made.
    """

    def __init__(self, path: Path, answer: Callable[[], Dict[str, Any]]) -> None:
        self.path = path
        self._answer = answer
        self._socket = _listen(path)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="health", daemon=True)

    def start(self) -> None:
        """Answer, in a thread, until `close`."""
        self._thread.start()

    def close(self) -> None:
        """Stop answering and remove the socket."""
        self._closed.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        with contextlib.suppress(OSError):
            self.path.unlink()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError as error:  # closed, or no file handle is left for now
                if self._closed.wait(_PAUSE_S):
                    return
                _log.warning("health: no connection could be taken: %s", error.strerror)
                continue
            with connection, contextlib.suppress(OSError):  # whoever asked went away
                connection.settimeout(_SEND_S)
                connection.sendall(json.dumps(self._answer()).encode() + b"\n")


def _listen(path: Path) -> socket.socket:
    _check_length(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_socket():
            raise OutputError(
                f"--health must name a socket, got another file that is there at {path}"
            )
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        # Bound under another name first: nobody finds a socket that all may use, or that nobody hears.
        temporary = path.with_name(f".{os.getpid()}")
        listener.bind(str(temporary))
        os.chmod(temporary, 0o600)
        listener.listen(4)
        os.replace(temporary, path)
    except OutputError:
        listener.close()
        raise
    except OSError as error:
        listener.close()
        raise OutputError(
            f"health socket must be one that can be made, got '{error.strerror}' for {path};"
            " choose another folder with --health"
        ) from error
    return listener


def _check_length(path: Path) -> None:
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise OutputError(
            f"health socket must have a name of at most {_LONGEST_PATH} bytes, got {path};"
            " choose a shorter one"
        )


def ask(path: Path, timeout_s: float) -> Dict[str, Any]:
    """Ask a running service how it is.

    Args:
        path: Of its socket.
        timeout_s: Seconds for the whole answer.

    Raises:
        BackendError: If nobody answers, or not in time, or not with JSON.
    """
    _check_length(path)
    until = time.monotonic() + timeout_s
    heard = b""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as way:
            way.settimeout(timeout_s)
            way.connect(str(path))
            while len(heard) < _MOST_BYTES:
                way.settimeout(max(until - time.monotonic(), 0.01))
                part = way.recv(4096)
                if not part:
                    break
                heard += part
        found = json.loads(heard)
    except (OSError, ValueError) as error:
        raise BackendError(
            f"service must answer at {path}, got '{_reason(error)}'; see systemctl status asl and"
            " journalctl -u asl"
        ) from error
    if not isinstance(found, dict):
        raise BackendError(f"service must answer with an object, got {type(found).__name__}")
    return found


def _reason(error: Exception) -> str:
    if isinstance(error, socket.timeout):
        return "no answer in time"
    return (error.strerror if isinstance(error, OSError) else None) or "half an answer"


def fault_of(answer: Dict[str, Any], release: Optional[str], settled: bool) -> str:
    """Return what is wrong with an answer; empty if nothing is.

    Args:
        answer: Of `ask`.
        release: Id that must answer; None for any.
        settled: Whether it must no longer be on trial.
    """
    if release is not None and answer.get("release") != release:
        return f"release {release} must answer, got {answer.get('release')}"
    if answer.get("ok") is not True:
        return f"service must be well, got '{answer.get('why')}'"
    if settled and answer.get("on_trial") is not False:
        return "release must no longer be on trial, got one that is"
    return ""
