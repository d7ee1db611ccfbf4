"""Whether a display answers, before OpenCV would end the process."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from target.errors import OutputError
from target.show import display
from target.show.display import is_display_there
from target.show.window import check_display


@pytest.fixture
def sockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(display, "_SOCKETS", f"{tmp_path}/X")
    monkeypatch.setattr(display, "_PORT", 65535)  # nobody listens there
    return f"{tmp_path}/X"


@pytest.mark.parametrize(
    "name", ["", ":7", ":7.0", "localhost:7", "unix:7", "/nowhere/x", "a b", ":"]
)
def test_nobody_is_there(name: str, sockets: str) -> None:
    assert not is_display_there({"DISPLAY": name})
    assert not is_display_there({"WAYLAND_DISPLAY": "wayland-0", "XDG_RUNTIME_DIR": sockets})


@pytest.mark.parametrize("name", [":7", ":7.0", "unix:7"])
def test_a_server_on_this_machine(name: str, sockets: str) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{sockets}7")
        assert not is_display_there({"DISPLAY": name})  # a socket that was left
        server.listen(4)
        assert is_display_there({"DISPLAY": name})
        assert not is_display_there({"DISPLAY": ":8"})


def test_a_display_forwarded_over_ssh(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(display, "_PORT", server.getsockname()[1] - 10)
        assert is_display_there({"DISPLAY": "localhost:10.0"})
    assert not is_display_there({"DISPLAY": "localhost:10.0"})


def test_wayland(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "wayland-0"))
        server.listen(4)
        assert is_display_there(
            {"WAYLAND_DISPLAY": "wayland-0", "XDG_RUNTIME_DIR": str(tmp_path), "DISPLAY": ":77"}
        )


def test_one_that_is_gone_is_named(sockets: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(
        OutputError, match="display must answer, got no answer from :7; use --headless"
    ):
        check_display()
