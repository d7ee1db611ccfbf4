"""The HTTP side of the page: what may be asked for, by whom, how much and for how long.

    GET  /              the page          GET  /stream.mjpg   pictures as they come
    GET  /events        facts as they come (server-sent events)
    GET  /picture.jpg   the newest picture   GET  /alphabet.jpg  the chart
    POST /control       {"region": .., "edit": .., "settings": .., "capture": "A", ...}

No request names a file: every path stands in a table. A request has 10 seconds and 4 KB, and there are at
most 48 connections. Commands must come from the page itself: another site's page cannot send the header.
"""

from __future__ import annotations

import hmac
import http.server
import json
import logging
import socket
import socketserver
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, Optional, Tuple
from urllib.parse import parse_qs, urlsplit

from target.errors import AppError, DataError, one_line
from target.pipeline.controls import Controls
from target.show.capture import Collector
from target.vision.region import parse_region

_log = logging.getLogger(__name__)
_PAGE = Path(__file__).with_name("page")
_MOST_CONNECTIONS = 48
_MOST_BYTES = 4096
_REQUEST_S = 10.0
_SEND_S = 5.0  # a viewer that takes nothing for so long is sent away
_BEAT_S = 2.0  # between two facts at most, so that a viewer knows it is connected
_HEADER = "X-Requested-With"
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' blob: data:; frame-ancestors 'none'"
)


class PageServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Listens; each connection has a thread.

    Args:
        address: Host and port.
        board: What viewers look at.
        controls: What the page changes.
        collector: Where the capture button stores crops; None where nothing is stored.
        token: That every URL must have; empty for none.

    Raises:
        OSError: If the address cannot be used.
    """

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 16

    def __init__(
        self,
        address: Tuple[str, int],
        board: Any,
        controls: Controls,
        collector: Optional[Collector],
        token: str,
    ) -> None:
        self.board = board
        self.controls = controls
        self.collector = collector
        self.token = token
        self._places = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind, without looking this machine's name up: that can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def serve(self) -> None:
        """Serve until `end`."""
        self.serve_forever(poll_interval=0.1)

    def end(self) -> None:
        """Stop listening."""
        self.shutdown()
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread, if there is room for one."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection; its place is free afterwards."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A viewer that went away is no news; anything else is one line."""
        import sys

        error = sys.exc_info()[1]
        if not isinstance(error, (OSError, TimeoutError)):
            _log.warning("page: request failed: %s", one_line(error))


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers one connection."""

    server: PageServer
    protocol_version = "HTTP/1.1"
    timeout = _REQUEST_S
    server_version, sys_version = "page", ""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing of requests."""

    def do_GET(self) -> None:
        """Answer with the page or one of its streams."""
        answers: Dict[str, Callable[[], None]] = {
            "/": lambda: self._file("page.html", "text/html; charset=utf-8"),
            "/alphabet.jpg": lambda: self._file("alphabet.jpg", "image/jpeg"),
            "/stream.mjpg": self._pictures,
            "/picture.jpg": self._picture,
            "/events": self._events,
        }
        path = urlsplit(self.path).path
        if not self._may():
            return
        if path not in answers:
            self._say(404, "no such page")
            return
        answers[path]()

    def do_POST(self) -> None:
        """Carry out a command of the page."""
        if not self._may():
            return
        if urlsplit(self.path).path != "/control":
            self._say(404, "no such page")
            return
        if _HEADER not in self.headers:
            self._say(403, "commands come from the page itself")
            return
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            length = -1
        if not 0 < length <= _MOST_BYTES:
            self._say(413, f"a command has 1 to {_MOST_BYTES} bytes")
            return
        try:
            done = self._carry_out(json.loads(self.rfile.read(length)))
        except (AppError, ValueError, TypeError, RecursionError) as error:
            self._say(400, one_line(error)[:300])
            return
        self._send(200, "application/json", json.dumps(done).encode())

    def _may(self) -> bool:
        """Check token and host; answers itself where they are wrong."""
        given = parse_qs(urlsplit(self.path).query).get("token", [""])[0]
        if not hmac.compare_digest(given.encode(), self.server.token.encode()):
            self._say(403, "the address must have the token that the program printed")
            return False
        # Without a token, a page of another site whose name points here must not read this one.
        name = (self.headers.get("Host") or "").rsplit(":", 1)[0].strip("[]")
        if not self.server.token and name not in ("127.0.0.1", "localhost", "::1", ""):
            self._say(403, "the page is for this machine alone; use --host to serve others")
            return False
        return True

    def _carry_out(self, command: Any) -> Dict[str, Any]:
        if not isinstance(command, dict):
            raise DataError(f"command must be an object, got {type(command).__name__}")
        controls, done = self.server.controls, {"ok": True}
        for name, value in command.items():
            if name == "region":
                controls.move_region(parse_region(value, "region"))
            elif name == "edit":
                controls.edit(str(value), str(command.get("word", ""))[:64].upper())
            elif name == "settings" and isinstance(value, dict):
                controls.configure(value)
            elif name in ("find_hand", "left_handed", "mirrored") and isinstance(value, bool):
                setattr(controls, name, value)
            elif name == "capture":
                if self.server.collector is None:
                    raise DataError("nothing is stored; start with --capture FOLDER to store crops")
                done = {**done, **self.server.collector.capture(str(value))}
            elif name != "word":
                raise DataError(f"command must be one of the page's, got '{str(name)[:40]}'")
        return done

    def _file(self, name: str, kind: str) -> None:
        self._send(200, kind, (_PAGE / name).read_bytes())

    def _picture(self) -> None:
        """Send the newest picture; while nobody looks there is none, so look for a moment."""
        board = self.server.board
        board.watch(1)
        try:
            found = board.picture(0, _BEAT_S)
        finally:
            board.watch(-1)
        if found is None:
            self._say(503, "no picture yet")
            return
        self._send(200, "image/jpeg", found[1])

    def _pictures(self) -> None:
        self._begin("multipart/x-mixed-replace; boundary=frame")
        board, last = self.server.board, 0
        board.watch(1)
        try:
            while not board.closed:
                found = board.picture(last, _BEAT_S)
                if found is None:
                    continue
                last, jpeg = found
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(head.encode() + jpeg + b"\r\n")
        finally:
            board.watch(-1)

    def _events(self) -> None:
        self._begin("text/event-stream")
        board, last, sent = self.server.board, 0, 0.0
        while not board.closed:
            time.sleep(max(sent + 1 / 20 - time.monotonic(), 0.0))
            found = board.facts(last, _BEAT_S)
            line = ": still here\n\n"
            if found is not None:
                last, facts = found
                line = f"data: {facts}\n\n"
            self.wfile.write(line.encode())
            sent = time.monotonic()
        self.wfile.write(b"event: end\ndata: {}\n\n")

    def _begin(self, kind: str) -> None:
        """Begin an answer without an end; a viewer that takes nothing is given up."""
        self.connection.settimeout(_SEND_S)
        # Little is kept on the way to a slow viewer, so that what it sees next is new.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 17)
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()

    def _say(self, code: int, words: str) -> None:
        self.close_connection = True
        self._send(code, "text/plain; charset=utf-8", f"{words}\n".encode())

    def _send(self, code: int, kind: str, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Content-Security-Policy", _POLICY)
        self.end_headers()
        self.wfile.write(body)
