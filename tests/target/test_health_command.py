from __future__ import annotations

import errno
import json
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from target.commands.health import main
from target.service import health
from target.service.health import HealthServer

ANSWER = {
    "release": "0123456789ab", "model": "signnet", "device": "a test", "frames": 7, "ok": True, "why": "",
    "golden": {"vectors": 32, "wrong": 0}, "on_trial": False, "trouble": "",
}  # fmt: skip


def test_health_of_a_service_that_is_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = HealthServer(tmp_path / "h", lambda: dict(ANSWER))
    server.start()
    assert main(["--socket", str(tmp_path / "h"), "--release", "0123456789ab", "--settled"]) == 0
    assert (
        "release 0123456789ab with signnet on a test: 32 golden vectors" in capsys.readouterr().out
    )
    assert main(["--socket", str(tmp_path / "h"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == ANSWER
    assert main(["--socket", str(tmp_path / "h"), "--release", "another"]) == 1
    assert "release another must answer, got 0123456789ab" in capsys.readouterr().err
    server.close()


class Exhausted:
    """A socket for which no file handle is left, the first time."""

    def __init__(self, inner: socket.socket) -> None:
        self._inner = inner
        self.refused = 0

    def accept(self) -> Any:
        if not self.refused:
            self.refused += 1
            raise OSError(errno.EMFILE, "Too many open files")
        return self._inner.accept()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def test_health_outlives_a_moment_without_file_handles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_PAUSE_S", 0.01)
    server = HealthServer(tmp_path / "h", lambda: dict(ANSWER))
    server._socket = refusing = Exhausted(server._socket)  # type: ignore[assignment]
    server.start()
    assert main(["--socket", str(tmp_path / "h")]) == 0 and refusing.refused == 1
    server.close()
    server._thread.join(10)
    assert not server._thread.is_alive()


def test_health_waits_for_a_service_that_is_about_to_start(tmp_path: Path) -> None:
    servers: list[HealthServer] = []

    def begin() -> None:
        servers.append(HealthServer(tmp_path / "h", lambda: dict(ANSWER)))
        servers[0].start()

    timer = threading.Timer(0.3, begin)
    timer.start()
    assert main(["--socket", str(tmp_path / "h"), "--wait", "60"]) == 0
    timer.join()
    servers[0].close()


def test_no_service_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--socket", str(tmp_path / "h")]) == 1
    assert capsys.readouterr().err.startswith("error: service must answer at ")
    assert main(["--wait", "-1"]) == 1
    assert "--wait must be 0 to 3600" in capsys.readouterr().err
