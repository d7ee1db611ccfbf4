from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from target.service.notify import Notifier


@pytest.fixture
def manager(tmp_path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(tmp_path / "n"))
    listener.settimeout(5)
    return listener


def test_notifier_sends_lines_to_the_manager(manager: socket.socket) -> None:
    with manager:
        Notifier({"NOTIFY_SOCKET": manager.getsockname()}).tell("READY=1", "STATUS=well")
        assert manager.recv(100) == b"READY=1\nSTATUS=well"


def test_notifier_knows_abstract_sockets() -> None:
    name = f"asl-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + name)
        listener.settimeout(5)
        Notifier({"NOTIFY_SOCKET": "@" + name}).tell("WATCHDOG=1")
        assert listener.recv(100) == b"WATCHDOG=1"


def test_nobody_listening_is_no_error(tmp_path: Path) -> None:
    Notifier({}).tell("READY=1")
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "none")}).tell("READY=1")


@pytest.mark.parametrize(
    ("environment", "patience_s"),
    [
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "30000000"}, 30.0),
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid())}, 0.5),
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "500000"}, None),
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "soon"}, None),
        ({"NOTIFY_SOCKET": "/x"}, None),
    ],
    ids=["seconds", "this process", "another process", "no socket", "no number", "no watchdog"],
)
def test_patience_is_systemds(environment: dict[str, str], patience_s: float | None) -> None:
    assert Notifier(environment).patience_s == patience_s
