"""A page that is served, views to show on it, and patience that a slow machine does not exhaust."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from target.camera.base import Frame
from target.pipeline.controls import Controls
from target.show import web
from target.show.base import View
from target.show.web import WebSink
from target.text.speller import Spelling
from target.vision.postprocess import Prediction

PATIENCE_S = 60  # no test is decided by it unless something hangs
OWN = {"X-Requested-With": "page", "Content-Type": "application/json"}


def make_view(index: int = 0, text: str = "HELLO", size: tuple[int, int] = (480, 640)) -> View:
    """A view whose picture is noise, which no codec makes small."""
    image = np.random.default_rng(index).integers(0, 256, (*size, 3), np.uint8)
    frame = Frame(image, index, time.perf_counter(), "noise")
    prediction = Prediction("K", 0.93, "V", 0.05)
    square = 2, 82, min(size) - min(size) % 28
    return View(frame, prediction, Spelling("letter", "K", 0.5, text), square=square, live=True)


class Page:
    """A page that is served, and what it changes."""

    def __init__(self, host: str = web.LOCAL, token: str | None = None, **more: Any) -> None:
        self.controls = Controls()
        self.sink = WebSink(host, 0, self.controls, token=token, **more)
        self.sink.open()
        found = re.search(r":(\d+)/", self.sink.url)
        assert found
        self.port = int(found[1])

    @property
    def server(self) -> Any:
        return self.sink._server

    def ask(
        self, method: str, path: str, body: str | bytes | None = None, **headers: str
    ) -> tuple[int, bytes, dict[str, str]]:
        """Return status, body and headers of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        with contextlib.closing(connection):
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            return answer.status, answer.read(), {k.lower(): v for k, v in answer.getheaders()}

    def command(self, body: Any, **headers: str) -> tuple[int, str]:
        """Return status and words of the answer to a command of the page itself."""
        text = body if isinstance(body, (str, bytes)) else json.dumps(body)
        status, answer, _ = self.ask("POST", "/control", text, **{**OWN, **headers})
        return status, answer.decode()

    def connect(self, request: str = "", room: int | None = None) -> socket.socket:
        """Return a plain connection that has sent a request."""
        plain = socket.socket()
        if room is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        plain.settimeout(PATIENCE_S)
        plain.connect(("127.0.0.1", self.port))
        plain.sendall(request.encode())
        return plain

    def get(self, path: str, room: int | None = None) -> socket.socket:
        return self.connect(f"GET {path} HTTP/1.1\r\nHost: localhost:{self.port}\r\n\r\n", room)


def wait(until: Callable[[], bool]) -> None:
    begin = time.monotonic()
    while not until():
        assert time.monotonic() - begin < PATIENCE_S, "it never happened"
        time.sleep(0.01)


def read_all(plain: socket.socket) -> bytes:
    """Read until the other side closes; so does this one."""
    parts = []
    with plain, contextlib.suppress(ConnectionResetError):
        while part := plain.recv(1 << 16):
            parts.append(part)
    return b"".join(parts)


@contextlib.contextmanager
def running(page: Page) -> Iterator[None]:
    """Feed views from a thread, as the pipeline does."""
    stop = threading.Event()

    def feed() -> None:
        index = 0
        while not stop.wait(0.01):
            page.sink.show(make_view(index, f"HELLO {index}"))
            index += 1

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
