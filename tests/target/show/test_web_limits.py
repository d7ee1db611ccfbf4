"""What the page's server bears: many connections, half requests, taken ports, its own end."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time

import pytest

from target.errors import OutputError
from target.pipeline.controls import Controls
from target.show import web, web_handler, web_server
from target.show.web import WebSink
from tests.target.show.served_page import (
    OWN,
    PATIENCE_S,
    Page,
    make_view,
    read_all,
    running,
    wait,
)


def test_too_many_connections_are_refused_and_places_come_back(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_server, "_MOST_CONNECTIONS", 3)
    held = [page.get("/events") for _ in range(3)]
    for plain in held:
        assert plain.recv(15) == b"HTTP/1.1 200 OK"
    for _ in range(20):
        status, body, headers = page.ask("GET", "/")
        assert (status, body) == (503, b"too many look at the page")
        assert int(headers["content-length"]) == len(body)
    held.pop().close()
    with running(page):
        wait(lambda: page.ask("GET", "/")[0] == 200)
    for plain in held:
        plain.close()


def test_a_thread_that_cannot_start_costs_no_place(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        assert read_all(page.get("/")) == b""
    assert page.server._open == {}
    assert page.ask("GET", "/")[0] == 200


@pytest.mark.parametrize(
    "half",
    [
        "",
        "GET / HT",
        "GET / HTTP/1.1\r\nHost: local",
        "POST /control HTTP/1.1\r\nHost: localhost\r\nX-Requested-With: page\r\nContent-Length: 50\r\n\r\n{",
    ],
    ids=["nothing", "line", "header", "body"],
)
def test_half_a_request_is_cut_off(page: Page, monkeypatch: pytest.MonkeyPatch, half: str) -> None:
    monkeypatch.setattr(web_handler, "_REQUEST_S", 0.2)
    assert read_all(page.connect(half)) == b""
    wait(lambda: not page.server._open)


def test_a_request_that_drips_is_cut_off_too(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_handler, "_REQUEST_S", 0.3)
    plain = page.connect("GET / HTTP/1.1\r\n")
    wait(lambda: len(page.server._open) == 1)
    begin = time.monotonic()
    with contextlib.suppress(ConnectionError):
        while page.server._open:
            assert time.monotonic() - begin < PATIENCE_S
            plain.sendall(b"X")  # each in time, all together not
            time.sleep(0.02)
    plain.close()


def test_endless_headers_are_cut_off(page: Page) -> None:
    plain = page.connect("GET / HTTP/1.1\r\n")
    with contextlib.suppress(ConnectionError):
        for number in range(1000):
            plain.sendall(f"X-{number}: {'y' * 1000}\r\n".encode())
        plain.sendall(b"\r\n")
    assert b"200 OK" not in read_all(plain)


def test_one_connection_serves_many_requests(page: Page) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=PATIENCE_S)
    for number in range(50):
        connection.request("POST", "/control", json.dumps({"mirrored": number % 2 == 0}), OWN)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b'{"ok": true}')
    assert len(page.server._open) == 1
    connection.close()


def test_a_port_that_is_taken_is_an_error_with_a_remedy(page: Page) -> None:
    other = WebSink(web.LOCAL, page.port, Controls())
    with pytest.raises(
        OutputError, match=f"got 'Address already in use' .*such as http://:{page.port + 1}"
    ):
        other.open()
    other.close()


@pytest.mark.parametrize(
    ("host", "port"), [("127.0.0.1", 99_999), ("192.0.2.1", 0), ("no.such.host.invalid", 0)]
)
def test_an_address_that_cannot_be_used(host: str, port: int) -> None:
    sink = WebSink(host, port, Controls())
    with pytest.raises(OutputError, match="page must get a free address and port"):
        sink.open()
    sink.close()


def test_after_the_end_nothing_is_left() -> None:
    before = set(threading.enumerate())
    page = Page()
    viewers = [page.get(path) for path in ("/stream.mjpg", "/events", "/", "/stream.mjpg")]
    viewers += [page.connect("GET / HT"), page.connect(), page.get("/stream.mjpg", room=4096)]
    wait(lambda: len(page.server._open) == len(viewers))
    for index in range(10):
        page.sink.show(make_view(index))
        time.sleep(0.03)
    page.sink.close()
    for plain in viewers:
        read_all(plain)  # ends
        plain.close()
    wait(lambda: set(threading.enumerate()) <= before)
    with socket.socket() as late, pytest.raises(ConnectionRefusedError):
        late.connect(("127.0.0.1", page.port))
    page.sink.close()  # twice is once
    again = WebSink(web.LOCAL, page.port, Controls())
    again.open()  # the port is free at once
    again.close()


def test_a_run_that_ends_at_once_ends(page: Page) -> None:
    for _ in range(5):
        served = Page()
        served.sink.close()
